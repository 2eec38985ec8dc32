//! A cache that was never published, or that the store has lost in whole or in part.

use kiwi_cache::{Cache, State};

use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually, on_both_stores};

on_both_stores!(
    a_cache_that_was_never_published_is_missing,
    a_reader_may_wait_for_the_first_snapshot,
    waiting_for_the_first_snapshot_ends,
    a_reader_may_start_missing,
    a_cache_that_was_forgotten_is_still_served,
    an_empty_map_is_not_missing,
);

async fn a_cache_that_was_never_published_is_missing(place: impl Place) {
    let error = Cache::<u64>::connect(place.url(), "airlines").await.unwrap_err();
    assert!(error.is_missing(), "{error}");
    for part in ["`airlines`", "kiwi-host run", "kiwi-host status"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

async fn a_reader_may_wait_for_the_first_snapshot(place: impl Place) {
    let publisher = Publisher::new(&place);
    let waiting = Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT).wait_for(LONG).connect();
    let (airlines, head) = tokio::join!(waiting, publisher.publish(&[("FR", "1")]));
    assert_eq!(airlines.unwrap().id(), Some(head.id));
}

async fn waiting_for_the_first_snapshot_ends(place: impl Place) {
    let waiting = Cache::<u64>::builder("airlines").store(place.url()).wait_for(SHORT).connect();
    assert!(waiting.await.unwrap_err().is_missing());
}

async fn a_reader_may_start_missing(place: impl Place) {
    let publisher = Publisher::new(&place);
    let builder = Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT).start_missing();
    let airlines = builder.connect().await.unwrap();
    assert_eq!((airlines.state(), airlines.id(), airlines.age()), (State::Missing, None, None));
    let error = airlines.get("FR").unwrap_err();
    assert!(error.is_missing() && error.to_string().contains("`airlines`"), "{error}");
    assert!(airlines.last_error().unwrap().is_missing());

    publisher.publish(&[("FR", "1")]).await;
    eventually("the first snapshot is loaded", async || airlines.state() == State::Fresh).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);
}

async fn a_cache_that_was_forgotten_is_still_served(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> = Cache::builder("airlines").store(place.url()).reload_ttl(SHORT).connect().await.unwrap();
    assert!(publisher.store.forget(&publisher.cache).await.unwrap());
    assert!(airlines.reload().await.unwrap_err().is_missing());
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);

    let new = publisher.publish(&[("FR", "2")]).await;
    eventually("what is published next is loaded", async || airlines.id() == Some(new.id)).await;
}

async fn an_empty_map_is_not_missing(place: impl Place) {
    Publisher::new(&place).publish::<&str, &str>(&[]).await;
    let airlines: Cache<u64> = Cache::connect(place.url(), "airlines").await.unwrap();
    assert!(airlines.is_empty().unwrap() && airlines.get("FR").unwrap().is_none());
}

#[tokio::test]
async fn a_map_that_lost_a_part_is_not_loaded_and_the_copy_stays() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    let entries: Vec<_> = (0..5_000).map(|n| (format!("key {n:09}"), n.to_string())).collect();
    publisher.publish(&entries).await;
    let airlines: Cache<u64> = Cache::connect(redis.url(), "airlines").await.unwrap();
    let version: String = redis.command(&["HGET", "kiwi:{airlines}:meta", "version"]).unwrap();
    assert_eq!(redis.command(&["HDEL", &format!("kiwi:{{airlines}}:v:{version}"), "0"]), Ok(1));

    let error = airlines.reload().await.unwrap_err();
    assert!(error.is_missing() && error.to_string().contains("lost"), "{error}");
    assert_eq!((*airlines.get("key 000000001").unwrap().unwrap(), airlines.len().unwrap()), (1, 5_000));
    assert!(Cache::<u64>::connect(redis.url(), "airlines").await.unwrap_err().is_missing());
}

#[tokio::test]
async fn a_newer_format_is_not_read_and_the_copy_stays() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> = Cache::connect(redis.url(), "airlines").await.unwrap();
    assert_eq!(redis.command(&["HSET", "kiwi:{airlines}:meta", "format", "99"]), Ok(0));

    let error = airlines.reload().await.unwrap_err();
    assert!(error.is_newer_format() && error.to_string().contains("`airlines`"), "{error}");
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);
}
