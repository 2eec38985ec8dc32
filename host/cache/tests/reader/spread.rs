//! Whole loads that a hint calls for: readers of a large map do not all load it at the same moment.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kiwi_cache::{Builder, Cache, Id, Loaded, Name, ReaderEvent};

use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{eventually, place::Place};

const HOUR: Duration = Duration::from_secs(3600);
/// The processes that seem to read the cache. With maps of 20 MB, loads are spread over 4 s.
const SUBSCRIBERS: usize = 200;
const SPREAD: Duration = Duration::from_millis(4_100);

/// 20 MB, of which one entry is the same in each.
fn large(letter: &str) -> Vec<(String, String)> {
    let entry = |n: usize| (format!("key {n}"), format!("\"{}\"", letter.repeat(100_000)));
    (0..200).map(entry).chain([("FR".to_owned(), "\"Ryanair\"".to_owned())]).collect()
}

/// Connections that listen like readers do.
fn listeners(redis: &RedisServer) -> Vec<redis::Connection> {
    let listen = |_| {
        let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        connection
            .send_packed_command(&redis::cmd("SUBSCRIBE").arg("kiwi:airlines:changed").get_packed_command())
            .unwrap();
        connection.recv_response().unwrap();
        connection
    };
    (0..SUBSCRIBERS).map(listen).collect()
}

/// What has happened to a reader, and when.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<(Instant, ReaderEvent)>>>);

impl Events {
    fn metrics(&self) -> impl Fn(&Name, &ReaderEvent) + Send + Sync + 'static {
        let events = self.clone();
        move |_, event| events.0.lock().unwrap().push((Instant::now(), event.clone()))
    }

    fn find<T>(&self, find: impl Fn(Instant, &ReaderEvent) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().find_map(|(at, event)| find(*at, event))
    }

    /// When the load of this snapshot was put off, and by how much.
    fn put_off(&self, snapshot: Id) -> Option<(Instant, Duration)> {
        self.find(|at, event| match event {
            ReaderEvent::PutOff { id, by, .. } if *id == snapshot => Some((at, *by)),
            _ => None,
        })
    }

    fn loaded(&self, snapshot: Id) -> Option<Loaded> {
        self.find(|_, event| match event {
            ReaderEvent::Reloaded { id, loaded, .. } if *id == snapshot => Some(*loaded),
            _ => None,
        })
    }
}

fn hourly(redis: &RedisServer, events: &Events) -> Builder<Cache<String>> {
    Cache::builder("airlines").store(Place::url(redis)).reload_ttl(HOUR).metrics(events.metrics())
}

/// Publishes maps until the load of one is put off for long, and returns that one and until when.
async fn put_off(publisher: &Publisher, events: &Events) -> (Id, Instant) {
    for letter in ["b", "c"].into_iter().cycle() {
        let head = publisher.publish(&large(letter)).await;
        let is_put_off = || events.put_off(head.id).filter(|(_, by)| *by > SPREAD / 2);
        eventually("the hint is heard", async || is_put_off().is_some() || events.loaded(head.id).is_some()).await;
        if let Some((at, by)) = is_put_off() {
            return (head.id, at + by);
        }
    }
    unreachable!("the letters never end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_large_map_load_it_one_after_the_other() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&large("a")).await;
    let events: Vec<Events> = (0..10).map(|_| Events::default()).collect();
    let mut readers = Vec::new();
    for events in &events {
        readers.push(hourly(&redis, events).connect().await.unwrap());
    }
    let _listeners = listeners(&redis);
    let head = publisher.publish(&large("b")).await;
    eventually("all have it", async || readers.iter().all(|reader| reader.id() == Some(head.id))).await;
    // One whose turn is now does not put it off.
    let delays = events.iter().map(|events| events.put_off(head.id).map_or(Duration::ZERO, |(_, by)| by));
    let (first, last) = (delays.clone().min().unwrap(), delays.max().unwrap());
    assert!(last < SPREAD && last - first > SPREAD / 20, "from {first:?} to {last:?}");
    // It is reported after it is held.
    let is_whole = |events: &Events| events.loaded(head.id) == Some(Loaded::Whole);
    eventually("all have loaded it whole", async || events.iter().all(is_whole)).await;

    // A delta is what all of them take at once.
    let head = publisher.change(&[("FR", "\"Ryanair DAC\"")]).await;
    eventually("all have it", async || readers.iter().all(|reader| reader.id() == Some(head.id))).await;
    assert!(events.iter().all(|events| events.put_off(head.id).is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_reloads_does_not_wait_for_a_load_that_is_put_off() {
    let redis = RedisServer::start();
    let (publisher, events) = (Publisher::new(&redis), Events::default());
    publisher.publish(&large("a")).await;
    let airlines = hourly(&redis, &events).connect().await.unwrap();
    let _listeners = listeners(&redis);
    let (id, due) = put_off(&publisher, &events).await;
    assert!(airlines.id() != Some(id) && airlines.last_error().is_none(), "the copy is served meanwhile");
    airlines.reload().await.unwrap();
    assert_eq!(airlines.id(), Some(id));
    assert!(Instant::now() < due, "it has not waited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_was_put_off_and_fails_is_tried_again_as_any_other() {
    let mut redis = RedisServer::start();
    let (publisher, events) = (Publisher::new(&redis), Events::default());
    publisher.publish(&large("a")).await;
    let _airlines = hourly(&redis, &events).connect().await.unwrap();
    let _listeners = listeners(&redis);
    let (_, due) = put_off(&publisher, &events).await;
    redis.kill();
    eventually("it was due a while ago", async || Instant::now() > due + Duration::from_millis(500)).await;
    let failed = |(_, event): &&(Instant, ReaderEvent)| matches!(event, ReaderEvent::Failed { .. });
    let failures = events.0.lock().unwrap().iter().filter(failed).count();
    assert!((1..=2).contains(&failures), "{failures} attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_that_leads_there_meanwhile_ends_the_wait() {
    let redis = RedisServer::start();
    let (publisher, events) = (Publisher::new(&redis), Events::default());
    publisher.publish(&large("a")).await;
    let airlines = hourly(&redis, &events).connect().await.unwrap();
    let _listeners = listeners(&redis);
    let meta = "kiwi:{airlines}:meta";
    let mut held = airlines.id();
    redis.command::<i64>(&["COPY", meta, "saved"]).unwrap();
    let (_, due) = loop {
        let (id, due) = put_off(&publisher, &events).await;
        if airlines.id() == held {
            break (id, due);
        }
        // Others were loaded before: this is the map to come back to now.
        airlines.reload().await.unwrap();
        held = airlines.id();
        redis.command::<i64>(&["COPY", meta, "saved", "REPLACE"]).unwrap();
    };
    // As if an old dump were restored: the reader holds what is published again, and a delta leads on from there.
    redis.command::<i64>(&["COPY", "saved", meta, "REPLACE"]).unwrap();
    let head = publisher.change(&[("FR", "\"Ryanair DAC\"")]).await;
    eventually("the delta is applied", async || airlines.id() == Some(head.id)).await;
    assert!(Instant::now() < due, "it has not waited");
    eventually("it is reported", async || events.loaded(head.id) == Some(Loaded::Deltas)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_may_not_count_the_others_loads_at_once() {
    let redis = RedisServer::start();
    let (publisher, events) = (Publisher::new(&redis), Events::default());
    publisher.publish(&large("a")).await;
    redis.command::<()>(&["ACL", "SETUSER", "reader", "on", ">pw", "~kiwi:*", "&kiwi:*", "+@all", "-pubsub"]).unwrap();
    let url = Place::url(&redis).replace("//", "//reader:pw@");
    let builder = Cache::<String>::builder("airlines").store(url).reload_ttl(HOUR).metrics(events.metrics());
    let airlines = builder.connect().await.unwrap();
    let _listeners = listeners(&redis);
    let head = publisher.publish(&large("b")).await;
    eventually("it is loaded", async || airlines.id() == Some(head.id)).await;
    assert!(events.put_off(head.id).is_none() && airlines.last_error().is_none());
}
