//! Hosts come and go, and readers do not notice: whichever host publishes a change, it reaches them as a delta.

use std::time::Duration;

use kiwi_cache::{Cache, Keys};
use kiwi_host::{CacheConfig, Limits, Outcome};
use kiwi_store::{Begin, Content, Due, Holder, Id, Publish, Ttl};

use crate::changed::{Map, Source, host, numbered};
use crate::redis_server::RedisServer;
use crate::support::{Setup, name, refill};

const ENTRIES: usize = 10_000;
const CHANGES: usize = 24;

/// Another map, of which one entry in a hundred is not as before; some are gone, and some are new.
fn change(map: &mut Map, round: usize) {
    for n in (round..ENTRIES).step_by(100) {
        let key = format!("key-{n:06}");
        match n / 100 % 10 {
            0 => drop(map.remove(&key)),
            1 => drop(map.insert(format!("new-{n:06}"), "true".into())),
            _ => drop(map.insert(key, format!("\"{round} {:032x}\"", round * 1_000_003 + n))),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_three_hosts_that_restart_reaches_readers_as_a_delta() {
    let redis = RedisServer::start();
    let (setup, source) = (Setup::on(&redis), Source::default());
    let mut map = numbered(ENTRIES);
    source.set(&map);
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(host(&setup, &source).await);
    }
    assert!(matches!(refill(&hosts[0], &name("airlines")).await, Outcome::Published { .. }));
    let reader: Cache<serde_json::Value> =
        Cache::builder("airlines").store(redis.url()).reload_ttl(Duration::from_secs(1)).connect().await.unwrap();
    let mut changes = reader.changes();
    for round in 0..CHANGES {
        change(&mut map, round);
        source.set(&map);
        let publisher = round % hosts.len();
        if round % 2 == 0 {
            hosts[publisher] = host(&setup, &source).await;
        }
        let outcome = refill(&hosts[publisher], &name("airlines")).await;
        let Outcome::Published { id, .. } = outcome else { panic!("{outcome:?}") };
        let changed = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
        let changed = changed.expect("it reaches the reader").expect("the reader is still there");
        assert!(changed.id == id && matches!(changed.keys, Keys::Some(_)), "{changed:?}");
    }
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.len(), map.len());
    assert!(map.iter().all(|(key, value)| snapshot[key] == serde_json::from_str::<serde_json::Value>(value).unwrap()));
}

#[tokio::test]
async fn values_of_another_definition_are_checked_again_and_those_of_its_own_against_the_limits_of_a_host_that_starts()
{
    const MINUTE: Duration = Duration::from_secs(60);
    let redis = RedisServer::start();
    let (setup, source, cache) = (Setup::on(&redis), Source::default(), name("airlines"));
    // A program that checks nothing has published what is not JSON.
    let map: Map = [("AA".to_owned(), "[[1]]".to_owned()), ("BB".to_owned(), "{".to_owned())].into();
    let batch: kiwi_store::Batch = map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let begun = setup.store.begin(&cache, Holder::anonymous(), MINUTE, Due::Always).await.unwrap();
    let Begin::Go { lease, .. } = begun else { panic!("expected the lease, got {begun:?}") };
    setup.store.stage(&lease, &batch).await.unwrap();
    let (entries, bytes) = (batch.len() as u64, batch.bytes() as u64);
    let content = Content::Swap { id: Id::random(), entries, bytes, root: batch.iter().collect() };
    setup.store.commit(lease, &Publish::new(content, Ttl::For(MINUTE), MINUTE)).await.unwrap();
    source.set(&map);
    let outcome = refill(&host(&setup, &source).await, &cache).await;
    assert!(outcome.failure().is_some_and(|failure| failure.message.contains("is not JSON")), "{outcome:?}");

    source.set(&[("AA".to_owned(), "[[1]]".to_owned())].into());
    let outcome = refill(&host(&setup, &source).await, &cache).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let outcome = refill(&host(&setup, &source).await, &cache).await;
    assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
    let config = CacheConfig::native(cache.clone(), source.clone());
    let limits = Limits { json_depth: 1, ..Limits::default() };
    let outcome = refill(&setup.host([CacheConfig { limits, ..config }]).await, &cache).await;
    assert!(outcome.failure().is_some_and(|failure| failure.message.contains("json_depth")), "{outcome:?}");
}
