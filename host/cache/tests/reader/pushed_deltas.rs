//! `push = "delta"`: a small change comes with its announcement, where the store says that it may be relied on.

use std::time::Duration;

use kiwi_cache::Cache;
use kiwi_store::{Head, Push};

use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually};

fn reader(redis: &RedisServer, reload_ttl: Duration) -> kiwi_cache::Builder<Cache<String>> {
    Cache::builder("airlines").store(redis.url()).reload_ttl(reload_ttl)
}

/// Large enough for a change of one key to be small.
fn map() -> Vec<(String, &'static str)> {
    (0..50).map(|n| n.to_string()).chain(["FR", "U2"].map(str::to_owned)).map(|key| (key, "\"1\"")).collect()
}

/// What hosts announce from now on.
fn announcements(redis: &RedisServer) -> redis::Connection {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    connection.set_read_timeout(Some(LONG)).unwrap();
    redis::cmd("SUBSCRIBE").arg("kiwi:airlines:changed").exec(&mut connection).unwrap();
    connection
}

fn announcement(connection: &mut redis::Connection) -> Vec<u8> {
    let (_, _, message): (String, String, Vec<u8>) =
        redis::from_redis_value(connection.recv_response().unwrap()).unwrap();
    message
}

fn say(redis: &RedisServer, message: &[u8]) {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd("PUBLISH").arg("kiwi:airlines:changed").arg(message).exec(&mut connection).unwrap();
}

#[tokio::test]
async fn a_small_change_comes_with_its_announcement_and_a_large_one_is_read() {
    let redis = RedisServer::start();
    let publisher = Publisher { push: Push::Delta, ..Publisher::new(&redis) };
    publisher.publish(&map()).await;
    let may = |rights: &[&str]| {
        let acl = [&["ACL", "SETUSER", "reader", "on", ">secret"], rights].concat();
        redis.command::<()>(&acl).unwrap();
    };
    may(&["~*", "&*", "+@all"]);
    let url = redis.url().replace("redis://", "redis://reader:secret@");
    let airlines: Cache<String> =
        Cache::builder("airlines").store(url).reload_ttl(Duration::from_secs(3600)).connect().await.unwrap();
    let arrives = async |head: Head| eventually("it arrives", async || airlines.id() == Some(head.id)).await;
    arrives(publisher.change(&[("FR", "\"2\"")]).await).await;
    // It listens now. Nothing but the announcement can bring it the next change.
    may(&["-xrevrange"]);
    arrives(publisher.change(&[("FR", "\"3\"")]).await).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), "3");
    assert!(airlines.age().unwrap() < LONG);

    // Half of these bytes is what they take when they are compressed.
    let long: String = (0..1_000).map(|_| format!("{:032x}", fastrand::u128(..))).collect();
    let head = publisher.change(&[("FR", &format!("{long:?}"))]).await;
    assert!(airlines.reload().await.unwrap_err().is_denied());
    may(&["+xrevrange"]);
    airlines.reload().await.unwrap();
    assert_eq!(airlines.id(), Some(head.id));
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), long);
}

#[tokio::test]
async fn a_change_that_was_not_heard_is_read_and_one_that_comes_late_is_not_applied() {
    let redis = RedisServer::start();
    let publisher = Publisher { push: Push::Delta, ..Publisher::new(&redis) };
    publisher.publish(&map()).await;
    let mut announced = announcements(&redis);
    let polling = reader(&redis, LONG).poll_only().connect().await.unwrap();
    publisher.change(&[("FR", "\"2\"")]).await;
    let late = announcement(&mut announced);
    // This one has missed it.
    let behind = reader(&redis, LONG).connect().await.unwrap();
    let head = publisher.change(&[("U2", "\"2\"")]).await;
    eventually("it is read", async || behind.id() == Some(head.id)).await;
    say(&redis, &late);
    let head = publisher.change(&[("FR", "\"3\"")]).await;
    eventually("the next one arrives", async || behind.id() == Some(head.id)).await;
    polling.reload().await.unwrap();
    for reader in [&behind, &polling] {
        let read = ["FR", "U2"].map(|key| reader.get(key).unwrap().unwrap().clone());
        assert_eq!(read, ["3", "2"]);
    }
}

#[tokio::test]
async fn nothing_is_applied_that_the_store_does_not_say_is_to_be_relied_on() {
    let redis = RedisServer::start();
    let pushing = Publisher { push: Push::Delta, ..Publisher::new(&redis) };
    pushing.publish(&map()).await;
    let mut announced = announcements(&redis);
    let before = pushing.head().await.unwrap();
    pushing.change(&[("FR", "\"forged\"")]).await;
    let message = announcement(&mut announced);
    assert!(message.len() > 100, "it carries the change");
    // The same change, as somebody sends it who may not write to the store, of what is published without pushed deltas.
    let hinting = Publisher::new(&redis);
    let head = hinting.publish(&map()).await;
    let text =
        String::from_utf8_lossy(&message[..message.iter().position(|&byte| byte == b'\n').unwrap()]).into_owned();
    let forged = text.replace(&before.id.to_string(), &head.id.to_string());
    assert_ne!(forged, text);
    let forged = [forged.as_bytes(), &message[text.len()..]].concat();
    let airlines = reader(&redis, SHORT).connect().await.unwrap();
    say(&redis, &forged);
    let head = hinting.change(&[("FR", "\"2\"")]).await;
    eventually("what is published arrives", async || airlines.id() == Some(head.id)).await;
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), "2");
}
