//! A server that stays there and is no longer the right one, and ways to a server that are slow.

use super::forwarder::Forwarder;
use super::*;
use kiwi_store::{Publishing, Reading};

/// Makes one server the replica of another, as a manual failover does. It keeps all its connections open.
fn fail_over(old: &RedisServer, new: &RedisServer) {
    let _: () = old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).unwrap();
}

#[tokio::test]
async fn a_writer_follows_a_failover_that_closes_nothing() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let way = Forwarder::to(old.port()).await;
    let (store, cache) = (open(&way.url()), name("airlines"));
    let (before, after) = (map(&[("FR", "1")]), map(&[("LH", "2")]));
    refill(&store, &cache, &before).await;

    fail_over(&old, &new);
    // While the address leads to the old one, this is said.
    let error = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("read-only replica"), "{error}");

    way.point_to(new.port());
    // For a second the address is not tried again.
    eventually("the store connects to the new primary", || async {
        match store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await {
            Ok(Begin::Go { lease, .. }) => store.release(lease).await.is_ok(),
            _ => false,
        }
    })
    .await;
    refill(&store, &cache, &after).await;
    assert_eq!(published(&store, &cache).await.unwrap().1, after);
}

#[tokio::test]
async fn a_failover_is_not_even_noticed_where_the_address_leads_to_the_new_primary_at_once() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let way = Forwarder::to(old.port()).await;
    let (store, reader, cache) = (open(&way.url()), open(&way.url()), name("airlines"));
    let (before, after) = (map(&[("FR", "1")]), map(&[("LH", "2")]));
    refill(&store, &cache, &before).await;
    assert_eq!(published(&reader, &cache).await.unwrap().1, before);

    fail_over(&old, &new);
    way.point_to(new.port());
    refill(&store, &cache, &after).await;
    assert_eq!(published(&store, &cache).await.unwrap().1, after);
    assert!(new.command::<bool>(&["EXISTS", "kiwi:{airlines}"]).unwrap(), "it is on the new primary");
    // A reader that is still connected to the old one gets what is replicated to it.
    eventually("the reader sees the new map", || async {
        let read = read_whole(&reader, &cache).await;
        read.is_ok_and(|read| read.is_some_and(|(_, entries)| entries.iter().eq([("LH", "2")])))
    })
    .await;
}

#[tokio::test]
async fn a_reader_leaves_a_replica_that_has_lost_its_primary() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let way = Forwarder::to(old.port()).await;
    let (reader, cache, map) = (open(&way.url()), name("airlines"), map(&[("FR", "1")]));
    refill(&open(&old.url()), &cache, &map).await;
    assert_eq!(published(&reader, &cache).await.unwrap().1, map);
    let id = refill(&open(&new.url()), &cache, &map).await;

    let _: () = old.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).unwrap();
    let _: () = old.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    way.point_to(new.port());
    assert_eq!(published(&reader, &cache).await.unwrap().0.id, id);
    assert!(reader.get(&cache, &["FR"]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_stays_a_replica_is_connected_to_once_a_second_at_most() {
    let server = RedisServer::start();
    let way = Forwarder::to(server.port()).await;
    let (store, cache) = (open(&way.url()), name("airlines"));
    refill(&store, &cache, &map(&[("FR", "1")])).await;
    let _: () = server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let started = std::time::Instant::now();
    for _ in 0..50 {
        let error = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
    }
    let allowed = 2 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(way.accepted() <= allowed, "{} connections", way.accepted());
}

#[tokio::test]
async fn a_call_with_less_time_than_connecting_takes_succeeds_when_it_is_repeated() {
    let server = RedisServer::start();
    let cache = name("airlines");
    let id = refill(&open(&server.url()), &cache, &map(&[("FR", "1")])).await;
    let way = Forwarder::slow_to_open(server.port(), Duration::from_millis(250)).await;
    let store = open(&way.url());
    let mut tries = 0;
    let status = loop {
        tries += 1;
        // Others wait for the same connection, and give up as well.
        let all = async { tokio::join!(store.status(&cache), store.status(&cache)) };
        if let Ok((status, _)) = tokio::time::timeout(Duration::from_millis(100), all).await {
            break status.unwrap();
        }
        assert!(tries < 20, "it never connects");
    };
    assert!(tries > 1, "connecting was not slow");
    assert_eq!(status.presence.whole().map(|head| head.id), Some(id));
    assert_eq!(way.accepted(), 1, "the first attempt went on");
}
