//! The blocking reader: without a runtime, and inside one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kiwi_cache::State;
use kiwi_cache::blocking::Cache;

use crate::place::{Directory, Place};
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT};

/// Uses every part of a reader while a runtime, if there is one, is blocked: nothing may depend on it.
fn use_it(place: &impl Place, publish: impl Fn(&str)) {
    let missing = Cache::<u64>::connect(place.url(), "airlines").unwrap_err();
    assert!(missing.is_missing(), "{missing}");
    publish("1");

    let store = place.open();
    let airlines: Cache<u64> = Cache::builder("airlines").store(&store).reload_ttl(SHORT).connect().unwrap();
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);
    assert_eq!((airlines.len().unwrap(), airlines.state(), airlines.seq()), (1, State::Fresh, Some(1)));
    publish("2");
    airlines.reload().unwrap();
    assert_eq!(airlines.snapshot().unwrap()["FR"], 2);
    publish("3");
    wait_until(|| airlines.seq() == Some(3));
    publish("\"four\"");
    wait_until(|| airlines.last_error().is_some_and(|error| error.is_value()));
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 3);

    drop(airlines.clone());
    airlines.reload().unwrap_err();
    drop(airlines);
    assert_eq!(Arc::strong_count(&store), 1, "the thread has ended when the drop returns");
}

fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "timed out waiting");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Publishes from a thread and a runtime of its own.
fn publish_apart(place: &(impl Place + Sync), value: &str) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Publisher::new(place).publish(&[("FR", value)]));
        });
    });
}

#[test]
fn it_works_without_a_runtime() {
    let (redis, directory) = (RedisServer::start(), Directory::new());
    use_it(&redis, |value| publish_apart(&redis, value));
    use_it(&directory, |value| publish_apart(&directory, value));
}

#[tokio::test]
async fn it_works_inside_a_runtime_of_one_thread() {
    let (redis, directory) = (RedisServer::start(), Directory::new());
    use_it(&redis, |value| publish_apart(&redis, value));
    use_it(&directory, |value| publish_apart(&directory, value));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_inside_a_runtime_of_many_threads() {
    let redis = RedisServer::start();
    use_it(&redis, |value| publish_apart(&redis, value));
}

#[test]
fn it_waits_for_a_first_snapshot_or_starts_missing() {
    let place = Directory::new();
    let builder = || Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT);
    let missing = builder().start_missing().connect().unwrap();
    assert_eq!(missing.state(), State::Missing);
    assert!(missing.get("FR").unwrap_err().is_missing());
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| builder().wait_for(LONG).connect());
        publish_apart(&place, "1");
        waiting.join().unwrap().unwrap()
    });
    assert_eq!(*waiting.get("FR").unwrap().unwrap(), 1);
    wait_until(|| missing.state() == State::Fresh);
}

#[test]
fn it_stops_in_the_middle_of_an_attempt() {
    // A server that takes connections and never says a word.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}?connect_timeout=10s", mute.local_addr().unwrap());
    let airlines: Cache<u64> =
        Cache::builder("airlines").store(url).reload_ttl(SHORT).start_missing().connect().unwrap();
    let connection = mute.accept().unwrap();
    let dropped = Instant::now();
    drop(airlines);
    assert!(dropped.elapsed() < Duration::from_secs(8), "{:?}", dropped.elapsed());
    drop(connection);
}

#[test]
fn a_fixed_cache_needs_no_store_and_no_thread() {
    let airlines = Cache::fixed([("FR", 1)]);
    airlines.reload().unwrap();
    assert_eq!((*airlines.get("FR").unwrap().unwrap(), airlines.state()), (1, State::Fresh));
}
