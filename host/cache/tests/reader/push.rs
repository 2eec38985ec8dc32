//! New snapshots reach a reader long before its next poll; and whatever is said on the channel, polling is the truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kiwi_cache::{Cache, Id, Name, ReaderEvent, State, blocking};

use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually, on_both_stores};

/// Far longer than any test waits.
const HOUR: Duration = Duration::from_secs(3600);

on_both_stores!(
    a_commit_reaches_readers_that_hardly_ever_poll,
    whoever_waits_for_a_change_is_woken,
    a_first_snapshot_reaches_a_reader_that_waits_for_it,
    a_reader_may_only_poll,
);

fn hourly(place: &impl Place) -> kiwi_cache::Builder<Cache<u64>> {
    Cache::builder("airlines").store(place.url()).reload_ttl(HOUR)
}

async fn a_commit_reaches_readers_that_hardly_ever_poll(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1"), ("U2", "1")]).await;
    let (one, two) = (hourly(&place).connect().await.unwrap(), hourly(&place).connect().await.unwrap());
    let blocking = blocking::Cache::<u64>::builder("airlines").store(place.open()).reload_ttl(HOUR).connect().unwrap();
    for value in ["2", "3", "4"] {
        let head = publisher.change(&[("FR", value)]).await;
        eventually("a delta arrives", async || {
            [one.id(), two.id(), blocking.id()].iter().all(|id| *id == Some(head.id))
        })
        .await;
        let head = publisher.publish(&[("FR", value), ("U2", value)]).await;
        eventually("a map arrives", async || [one.id(), two.id(), blocking.id()].iter().all(|id| *id == Some(head.id)))
            .await;
        let read = [&*one.get("U2").unwrap().unwrap(), &*blocking.get("U2").unwrap().unwrap()].map(u64::to_string);
        assert_eq!(read, [value; 2]);
    }
}

async fn whoever_waits_for_a_change_is_woken(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1")]).await;
    let airlines = hourly(&place).connect().await.unwrap();
    let (mut newest, mut each) = (airlines.changes(), airlines.changes());
    let waiting = tokio::spawn(async move { newest.changed().await.unwrap()["FR"] });
    let head = publisher.change(&[("FR", "2")]).await;
    assert_eq!(tokio::time::timeout(LONG, each.next()).await.unwrap().unwrap().id, head.id);
    assert_eq!(tokio::time::timeout(LONG, waiting).await.unwrap().unwrap(), 2);
}

async fn a_first_snapshot_reaches_a_reader_that_waits_for_it(place: impl Place) {
    let publisher = Publisher::new(&place);
    let missing = hourly(&place).start_missing().connect().await.unwrap();
    let waiting = hourly(&place).wait_for(LONG).connect();
    let (waited, head) = tokio::join!(waiting, publisher.publish(&[("FR", "1")]));
    assert_eq!(waited.unwrap().id(), Some(head.id));
    eventually("it is loaded", async || missing.state() == State::Fresh).await;
}

async fn a_reader_may_only_poll(place: impl Place) {
    let publisher = Publisher::new(&place);
    let before = publisher.publish(&[("FR", "1")]).await;
    let polling = hourly(&place).poll_only().connect().await.unwrap();
    let pushed = hourly(&place).connect().await.unwrap();
    let head = publisher.change(&[("FR", "2")]).await;
    eventually("it reaches the other reader", async || pushed.id() == Some(head.id)).await;
    assert_eq!(polling.id(), Some(before.id));
    polling.reload().await.unwrap();
    assert_eq!(polling.id(), Some(head.id));
}

fn subscribers(redis: &RedisServer) -> usize {
    redis.command::<String>(&["CLIENT", "LIST", "TYPE", "PUBSUB"]).unwrap().lines().count()
}

fn say(redis: &RedisServer, message: impl ToString) {
    redis.command::<i64>(&["PUBLISH", "kiwi:airlines:changed", &message.to_string()]).unwrap();
}

#[tokio::test]
async fn all_readers_of_a_process_share_one_subscriber() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let mut readers = Vec::new();
    for _ in 0..50 {
        readers.push(hourly(&redis).connect().await.unwrap());
    }
    let blocking: Vec<_> = (0..5)
        .map(|_| blocking::Cache::<u64>::builder("airlines").store(redis.url()).reload_ttl(HOUR).connect().unwrap())
        .collect();
    let head = publisher.change(&[("FR", "2")]).await;
    eventually("all have it", async || {
        readers.iter().map(Cache::id).chain(blocking.iter().map(blocking::Cache::id)).all(|id| id == Some(head.id))
    })
    .await;
    assert_eq!(subscribers(&redis), 1);
    drop((readers, blocking));
    eventually("it ends with the last of them", async || subscribers(&redis) == 0).await;
}

/// How often the server was asked for the newest deltas.
fn fetches(redis: &RedisServer) -> usize {
    let stats = redis.command::<String>(&["INFO", "commandstats"]).unwrap();
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_xrevrange:calls=")?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_is_fetched_once_for_all_readers_of_a_process() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    let others: Vec<String> = (0..100).map(|number| format!("X{number}")).collect();
    let map: Vec<(&str, &str)> = others.iter().map(|key| (key.as_str(), "1")).chain([("FR", "1")]).collect();
    publisher.publish(&map).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.push(hourly(&redis).connect().await.unwrap());
    }
    eventually("it listens", async || subscribers(&redis) == 1).await;
    // A reader that has to wait for very long fetches on its own, so one change may be fetched more often.
    for value in 2.. {
        let before = fetches(&redis);
        let head = publisher.change(&[("FR", &value.to_string())]).await;
        eventually("all have it", async || readers.iter().all(|reader| reader.id() == Some(head.id))).await;
        assert!(readers.iter().all(|reader| *reader.get("FR").unwrap().unwrap() == value));
        // The publisher looks as well.
        if fetches(&redis) - before < 5 {
            return;
        }
        assert!(value < 20, "a change was fetched {} times", fetches(&redis) - before);
    }
}

/// It hardly ever polls: that its copy grows old is told by the changes that it refuses.
#[tokio::test]
async fn a_copy_whose_changes_are_refused_grows_stale() {
    let redis = RedisServer::start();
    let publisher = Publisher { refill_interval: SHORT, ..Publisher::new(&redis) };
    publisher.publish(&[("FR", "1"), ("U2", "1"), ("W6", "1"), ("LH", "1")]).await;
    let airlines = hourly(&redis).connect().await.unwrap();
    eventually("it listens", async || subscribers(&redis) == 1).await;
    let wrong = AtomicUsize::new(0);
    eventually("it is stale", async || {
        let value = format!("\"{}\"", wrong.fetch_add(1, Ordering::Relaxed));
        publisher.change(&[("FR", &value)]).await;
        airlines.state() == State::Stale
    })
    .await;
    assert!(airlines.last_error().unwrap().is_value() && *airlines.get("FR").unwrap().unwrap() == 1);
}

#[tokio::test]
async fn a_commit_while_the_subscriber_is_gone_is_found_when_it_is_back() {
    let mut redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let airlines = hourly(&redis).connect().await.unwrap();
    eventually("it listens", async || subscribers(&redis) == 1).await;
    for value in ["2", "3"] {
        redis.command::<i64>(&["CLIENT", "KILL", "TYPE", "PUBSUB"]).unwrap();
        let head = publisher.change(&[("FR", value)]).await;
        eventually("it is found", async || airlines.id() == Some(head.id)).await;
        eventually("it listens again", async || subscribers(&redis) == 1).await;
    }

    redis.restart();
    assert!(redis.is_ready());
    let head = Publisher::new(&redis).publish(&[("FR", "4")]).await;
    eventually("it is found", async || airlines.id() == Some(head.id)).await;
}

/// Counts the polls of a reader.
#[derive(Clone, Default)]
struct Polls(Arc<AtomicUsize>);

impl Polls {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn metrics(&self) -> impl Fn(&Name, &ReaderEvent) + Send + Sync + 'static {
        let polls = Arc::clone(&self.0);
        move |_, _| {
            polls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn messages_that_are_doubled_late_or_forged_do_no_harm() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    let old = publisher.publish(&[("FR", "1")]).await;
    let polls = Polls::default();
    let airlines = hourly(&redis).metrics(polls.metrics()).connect().await.unwrap();
    eventually("it listens", async || subscribers(&redis) == 1).await;
    let head = publisher.change(&[("FR", "2")]).await;
    eventually("it has the newest", async || airlines.id() == Some(head.id)).await;

    let before = polls.count();
    for _ in 0..10 {
        say(&redis, head.id);
    }
    say(&redis, old.id);
    eventually("it looks once because of the late message", async || polls.count() > before).await;
    for (looks, message) in [Id::random().to_string(), String::new(), "\u{0}*garbage".repeat(1_000)].iter().enumerate()
    {
        say(&redis, message);
        eventually("it looks once because of each", async || polls.count() > before + looks + 1).await;
    }
    let head = publisher.change(&[("FR", "3")]).await;
    eventually("it has the newest", async || airlines.id() == Some(head.id)).await;
    assert_eq!(polls.count(), before + 5, "what it holds is not looked for");
    assert!(airlines.last_error().is_none());
}

#[tokio::test]
async fn a_flood_of_messages_is_a_poll_each_20_ms_at_most() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let polls = Polls::default();
    let airlines = hourly(&redis).metrics(polls.metrics()).connect().await.unwrap();
    eventually("it listens", async || subscribers(&redis) == 1).await;

    let (began, before) = (Instant::now(), polls.count());
    eventually("many messages were sent", async || {
        (0..200).for_each(|_| say(&redis, Id::random()));
        began.elapsed() > 10 * SHORT
    })
    .await;
    let most = before + 2 + began.elapsed().as_millis() as usize / 20;
    assert!((before + 1..=most).contains(&polls.count()), "{} polls, and not {most}", polls.count());
    let head = publisher.change(&[("FR", "2")]).await;
    eventually("it has the newest", async || airlines.id() == Some(head.id)).await;
}

#[tokio::test]
async fn a_user_who_may_not_subscribe_polls() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let rules = ["ACL", "SETUSER", "reader", "on", ">pw", "~kiwi:*", "&kiwi:*", "+@all", "-subscribe"];
    redis.command::<()>(&rules).unwrap();
    let url = redis.url().replace("//", "//reader:pw@");
    let builder = Cache::<u64>::builder("airlines").store(url).reload_ttl(4 * SHORT);
    let airlines = builder.connect().await.unwrap();
    let head = publisher.change(&[("FR", "2")]).await;
    eventually("it is found by polling", async || airlines.id() == Some(head.id)).await;
    assert!(airlines.last_error().is_none(), "{:?}", airlines.last_error());
    let channels: Vec<String> = redis.command(&["PUBSUB", "CHANNELS"]).unwrap();
    assert!(channels.is_empty(), "{channels:?}");
}
