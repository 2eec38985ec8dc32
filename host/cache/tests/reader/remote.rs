//! The reader without a copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kiwi_cache::{Name, ReaderEvent, RemoteCache, blocking};
use kiwi_store::{HashState, Layout, Presence, SEEN_FOR, StoreUrl, open};

use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, on_both_stores};

on_both_stores!(
    each_read_is_of_what_is_published_now,
    each_read_is_of_the_last_of_many_changes,
    a_value_comes_with_its_snapshot,
    a_missing_cache_is_not_an_absent_key,
    a_blocking_reader_reads_what_is_published_now,
);

async fn each_read_is_of_what_is_published_now(place: impl Place) {
    let publisher = Publisher::new(&place);
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    publisher.publish(&[("FR", "1"), ("U2", "2"), ("XX", "null")]).await;
    assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    assert_eq!(airlines.get("ZZ").await.unwrap(), None);
    assert_eq!(airlines.get_many(&["U2", "ZZ", "FR"]).await.unwrap(), [Some(2), None, Some(1)]);
    assert_eq!(airlines.get_many::<&str>(&[]).await.unwrap(), []);
    assert!(airlines.contains_key("XX").await.unwrap() && !airlines.contains_key("ZZ").await.unwrap());
    assert_eq!((airlines.len().await.unwrap(), airlines.is_empty().await.unwrap()), (3, false));
    let error = airlines.get("XX").await.unwrap_err();
    assert!(error.is_value() && error.to_string().contains("`XX`"), "{error}");

    let head = publisher.publish(&[("FR", "7")]).await;
    assert_eq!(airlines.get("FR").await.unwrap(), Some(7));
    assert_eq!(airlines.status().await.unwrap().presence, Presence::Whole(head));
}

async fn each_read_is_of_the_last_of_many_changes(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "0"), ("U2", "0")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    for n in 1..30 {
        let value = n.to_string();
        publisher.change(&[("FR", &value), ("U2", &value)]).await;
        assert_eq!(airlines.get("FR").await.unwrap(), Some(n));
        assert_eq!(airlines.get_many(&["U2", "FR"]).await.unwrap(), [Some(n), Some(n)]);
        publisher.publish(&[("FR", "7"), (&value, "8")]).await;
        assert_eq!(airlines.get_many(&["FR", &value, "U2"]).await.unwrap(), [Some(7), Some(8), None]);
        assert_eq!(airlines.get("U2").await.unwrap(), None);
        publisher.publish(&[("FR", "0"), ("U2", "0")]).await;
    }
}

async fn a_value_comes_with_its_snapshot(place: impl Place) {
    let publisher = Publisher::new(&place);
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    let blocking: blocking::RemoteCache<u64> = blocking::RemoteCache::open(place.url(), "airlines").unwrap();
    assert!(airlines.get_with_id("FR").await.unwrap_err().is_missing());
    assert!(blocking.get_with_id("FR").unwrap_err().is_missing());
    publisher.publish(&[("FR", "1"), ("XX", "null")]).await;
    for value in 2..5 {
        let head = publisher.change(&[("FR", &value.to_string())]).await;
        for found in [airlines.get_with_id("FR").await.unwrap(), blocking.get_with_id("FR").unwrap()] {
            assert_eq!((found.value, found.id, found.seq), (Some(value), head.id, head.seq));
            assert!(found.loaded_at == head.loaded_at && found.age < LONG && found.hash != HashState::Behind);
        }
        let absent = airlines.get_with_id("ZZ").await.unwrap();
        assert_eq!((absent.value, absent.id), (None, head.id));
    }
    assert!(airlines.get_with_id("XX").await.unwrap_err().is_value());
}

async fn a_missing_cache_is_not_an_absent_key(place: impl Place) {
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    assert!(airlines.get("FR").await.unwrap_err().is_missing());
    assert!(airlines.get_many(&["FR"]).await.unwrap_err().is_missing());
    assert!(airlines.contains_key("FR").await.unwrap_err().is_missing());
    assert!(airlines.len().await.unwrap_err().is_missing());
    assert_eq!(airlines.status().await.unwrap().presence, Presence::Missing);
}

/// Inside a task of a runtime too.
async fn a_blocking_reader_reads_what_is_published_now(place: impl Place) {
    let publisher = Publisher::new(&place);
    let airlines: blocking::RemoteCache<u64> = blocking::RemoteCache::open(place.url(), "airlines").unwrap();
    assert!(airlines.get("FR").unwrap_err().is_missing() && airlines.len().unwrap_err().is_missing());
    publisher.publish(&[("FR", "1"), ("U2", "2"), ("XX", "null")]).await;
    assert_eq!((airlines.get("FR").unwrap(), airlines.get("ZZ").unwrap()), (Some(1), None));
    assert_eq!(airlines.get_many(&["U2".to_owned(), "ZZ".to_owned()]).unwrap(), [Some(2), None]);
    assert!(airlines.contains_key("XX").unwrap() && !airlines.contains_key("ZZ").unwrap());
    assert_eq!((airlines.len().unwrap(), airlines.is_empty().unwrap()), (3, false));
    assert!(airlines.get("XX").unwrap_err().is_value());
    assert_eq!((airlines.status().unwrap().presence.id().is_some(), airlines.name().as_str()), (true, "airlines"));

    publisher.change(&[("FR", "7")]).await;
    let clone = airlines.clone();
    drop(airlines);
    let reads = (0..8).map(|_| {
        let airlines = clone.clone();
        std::thread::spawn(move || airlines.get("FR").unwrap())
    });
    let reads: Vec<_> = reads.collect();
    assert!(reads.into_iter().all(|read| read.join().unwrap() == Some(7)), "no runtime is needed");
}

#[tokio::test]
async fn a_reader_is_set_up_by_a_builder() {
    let mut redis = RedisServer::start();
    let StoreUrl::Redis(options) = redis.url().parse().unwrap() else { panic!("it is a Redis") };
    let record = Layout::Record("Airlines".parse().unwrap());
    let mut publisher = Publisher::new(&redis);
    let store = open(&StoreUrl::Redis(options.with_key_prefix("eu:").unwrap())).unwrap();
    publisher.store = store.with_layouts(&[(publisher.cache.clone(), record.clone())]).unwrap();
    publisher.publish(&[("FR", "1")]).await;

    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let builder = RemoteCache::<u64>::builder("airlines").store(redis.url()).key_prefix("eu:").layout(record.clone());
    let metrics = move |_: &Name, event: &ReaderEvent| {
        counted.fetch_add(usize::from(event.kiwi_cache_status() == Some("redis_error")), Ordering::Relaxed);
    };
    let airlines = builder.metrics(metrics).open().unwrap();
    let builder = blocking::RemoteCache::<u64>::builder("airlines").store(redis.url());
    let blocking = builder.key_prefix("eu:").layout(record).open().unwrap();
    assert_eq!((airlines.get("FR").await.unwrap(), blocking.get("FR").unwrap()), (Some(1), Some(1)));
    let other = RemoteCache::<u64>::open(redis.url(), "airlines").unwrap();
    assert!(other.get("FR").await.unwrap_err().is_missing());

    assert_eq!(failures.load(Ordering::Relaxed), 0);
    redis.kill();
    assert!(airlines.get("FR").await.unwrap_err().is_unavailable());
    assert_eq!(failures.load(Ordering::Relaxed), 1);
    assert!(RemoteCache::<u64>::builder("airlines").open().unwrap_err().is_invalid());
    assert!(blocking::RemoteCache::<u64>::open("redis://127.0.0.1:1", "air lines").unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_read_of_one_key_is_one_plain_command() {
    let redis = RedisServer::start();
    Publisher::new(&redis).publish(&[("FR", "1"), ("U2", "2")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(redis.url().as_str(), "airlines").unwrap();
    let calls = || ["hget", "hmget", "multi"].map(|command| redis.calls(command));
    let (before, started) = (calls(), Instant::now());
    for _ in 0..100 {
        assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    }
    let after = calls();
    let [plain, _, whole] = std::array::from_fn(|n| after[n] - before[n]);
    assert_eq!(plain + whole, 100);
    assert!(whole <= 1 + started.elapsed().as_secs(), "{whole} reads asked for more than their value");

    // Several keys are read in one step with what the hash shows: they must be of one snapshot.
    let before = calls();
    for _ in 0..100 {
        assert_eq!(airlines.get_many(&["FR", "U2"]).await.unwrap(), [Some(1), Some(2)]);
    }
    let after = calls();
    let [plain, of_several, whole] = std::array::from_fn(|n| after[n] - before[n]);
    assert_eq!((plain, of_several, whole), (0, 200, 100));
}

#[tokio::test]
async fn data_that_is_gone_is_missing_at_once() {
    let redis = RedisServer::start();
    Publisher::new(&redis).publish(&[("FR", "1")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(redis.url().as_str(), "airlines").unwrap();
    assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    assert!(airlines.get("FR").await.unwrap_err().is_missing());
}

#[tokio::test]
async fn what_the_hash_has_lost_is_read_from_the_version() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1"), ("U2", "2")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(redis.url().as_str(), "airlines").unwrap();
    for lost in [&["HDEL", "kiwi:{airlines}", "U2"][..], &["DEL", "kiwi:{airlines}"]] {
        redis.command::<()>(lost).unwrap();
        let found = airlines.get_with_id("U2").await.unwrap();
        assert_eq!((found.value, found.hash), (Some(2), HashState::Behind));
        assert_eq!(airlines.get_many(&["U2", "FR", "XX"]).await.unwrap(), [Some(2), Some(1), None]);
        assert_eq!(airlines.get("U2").await.unwrap(), Some(2));
    }
    // The same for a map that is not small, of which the segments of one partition are read.
    let large: Vec<_> = (0..5_000).map(|n| (format!("key {n}"), format!("{n}"))).collect();
    publisher.publish(&large).await;
    redis.command::<()>(&["DEL", "kiwi:{airlines}"]).unwrap();
    assert_eq!(airlines.get_many(&["key 17", "key 4999", "XX"]).await.unwrap(), [Some(17), Some(4_999), None]);
}

#[tokio::test]
async fn another_layout_is_read_after_a_second() {
    let redis = RedisServer::start();
    let mut publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(redis.url().as_str(), "airlines").unwrap();
    assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    let record = Layout::Record("Airlines".parse().unwrap());
    publisher.store = publisher.store.with_layouts(&[(publisher.cache.clone(), record)]).unwrap();
    publisher.publish(&[("FR", "2")]).await;
    let published = Instant::now();
    loop {
        let began = published.elapsed();
        match airlines.get("FR").await.unwrap() {
            Some(1) => assert!(began < SEEN_FOR, "still read after {began:?}"),
            value => break assert_eq!(value, Some(2)),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_read_again() {
    let mut redis = RedisServer::start();
    Publisher::new(&redis).publish(&[("FR", "1")]).await;
    let airlines: RemoteCache<u64> = RemoteCache::open(redis.url().as_str(), "airlines").unwrap();
    assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    redis.kill();
    assert!(airlines.get("FR").await.unwrap_err().is_unavailable());
    redis.restart();
    assert!(redis.is_ready());
    Publisher::new(&redis).publish(&[("FR", "2")]).await;
    assert_eq!(airlines.get("FR").await.unwrap(), Some(2));
}
