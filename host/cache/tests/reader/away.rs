//! A store or a host that is away: the last snapshot is still served, and becomes stale.

use std::time::Duration;

use kiwi_cache::{Cache, State};

use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually, on_both_stores};

on_both_stores!(a_map_whose_host_is_away_becomes_stale_and_is_still_served);

async fn a_map_whose_host_is_away_becomes_stale_and_is_still_served(place: impl Place) {
    let mut publisher = Publisher { refill_interval: SHORT, ..Publisher::new(&place) };
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> = Cache::builder("airlines").store(place.url()).reload_ttl(SHORT).connect().await.unwrap();
    eventually("nobody has checked it", async || airlines.state() == State::Stale).await;
    eventually("its age shows", async || airlines.age().unwrap() > 4 * SHORT).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);
    assert!(airlines.last_error().is_none(), "the store is there, and holds what we hold");

    publisher.refill_interval = LONG;
    publisher.touch().await;
    eventually("it was checked again", async || airlines.state() == State::Fresh).await;
}

#[tokio::test]
async fn a_store_that_dies_and_comes_back_empty_never_takes_the_copy_away() {
    let mut redis = RedisServer::start();
    let publisher = Publisher { refill_interval: Duration::from_millis(200), ..Publisher::new(&redis) };
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> = Cache::builder("airlines").store(redis.url()).reload_ttl(SHORT).connect().await.unwrap();

    redis.kill();
    let error_is = async |is: fn(&kiwi_store::Error) -> bool| airlines.last_error().as_ref().is_some_and(is);
    eventually("the store is missed", async || error_is(kiwi_store::Error::is_unavailable).await).await;
    eventually("the copy is stale", async || airlines.state() == State::Stale).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);

    redis.restart();
    assert!(redis.is_ready());
    eventually("the empty store is seen", async || error_is(kiwi_store::Error::is_missing).await).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);

    let publisher = Publisher::new(&redis);
    let new = publisher.publish(&[("FR", "2")]).await;
    eventually("the new snapshot is there", async || airlines.id() == Some(new.id)).await;
    assert_eq!((airlines.state(), *airlines.get("FR").unwrap().unwrap()), (State::Fresh, 2));
    eventually("the error is forgotten", async || airlines.last_error().is_none()).await;
}

#[tokio::test]
async fn a_store_that_is_away_at_the_start_is_named_without_its_password() {
    let mut redis = RedisServer::start();
    redis.kill();
    let url = redis.url().replace("//", "//reader:s3cret@");
    let error = Cache::<u64>::connect(url, "airlines").await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("airlines") && shown.contains("127.0.0.1") && !shown.contains("s3cret"), "{shown}");
}
