//! The Redis store against a real redis-server.

#[path = "../support/redis_server.rs"]
mod redis_server;

/// A commit that must be refused for this reason; gives its lease back.
macro_rules! refused {
    ($store:expr, $lease:expr, $publish:expr, $reason:ident $(($what:pat))?) => {
        match $store.commit($lease, $publish).await {
            Err(NotCommitted { lease, reason: CommitError::$reason $(($what))? }) => lease,
            other => panic!("expected {}, got {other:?}", stringify!($reason)),
        }
    };
}

mod chaos;
mod connection;
mod damage;
mod errors;
mod failover;
mod faults;
mod format_1;
mod forwarder;
mod hints;
mod publication;
mod record;
mod record_lock;
mod refill;
mod tls;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use kiwi_store::{Batch, CommitError, Error, Head, Holder, Id, LastError, Name, NotCommitted, Root, Ttl};
use kiwi_store::{Begin, Content, Delta, Due, Lease, Publish, Redis, Store, StoreUrl};
use kiwi_store::{Committed, testing::read_whole};

use redis_server::RedisServer;

type Map = BTreeMap<String, String>;

const LEASE_TTL: Duration = Duration::from_secs(30);
const CACHE_TTL: Ttl = Ttl::For(Duration::from_secs(600));
const REFILL_INTERVAL: Duration = Duration::from_secs(60);

fn open(url: &str) -> Redis {
    match url.parse().expect("a good URL") {
        StoreUrl::Redis(options) => Redis::open(&options).expect("opening does not connect"),
        other => panic!("{other} is no Redis"),
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a good name")
}

fn map(entries: &[(&str, &str)]) -> Map {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A map that is not small: it has a version of its own.
fn large() -> Map {
    (0..4_000).map(|n| (format!("key {n:05}"), format!("\"{n:030}\""))).collect()
}

fn batch(map: &Map) -> Batch {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn root(map: &Map) -> Root {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn swap(id: Id, map: &Map) -> Publish {
    let (entries, bytes) = (map.len() as u64, batch(map).bytes() as u64);
    publish(Content::Swap { id, entries, bytes, root: root(map) })
}

fn publish(content: Content) -> Publish {
    Publish::new(content, CACHE_TTL, REFILL_INTERVAL)
}

/// The delta between two maps.
fn delta(from: &Map, to: &Map) -> Delta {
    let set = to.iter().filter(|&(key, value)| from.get(key) != Some(value));
    Delta {
        set: set.map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        removed: from.keys().filter(|key| !to.contains_key(*key)).cloned().collect(),
    }
}

fn failure() -> LastError {
    LastError::new(SystemTime::UNIX_EPOCH, "unavailable", "the source is down")
}

/// Takes the lease, whatever is published.
async fn take(store: &dyn Store, cache: &Name) -> (Lease, Option<Head>) {
    match store.begin(cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap() {
        Begin::Go { lease, base, .. } => (lease, base),
        other => panic!("expected the lease, got {other:?}"),
    }
}

/// One refill by swap.
async fn refill(store: &dyn Store, cache: &Name, map: &Map) -> Id {
    let (lease, _) = take(store, cache).await;
    store.stage(&lease, &batch(map)).await.unwrap();
    let id = Id::random();
    let committed = store.commit(lease, &swap(id, map)).await.unwrap();
    if committed.is_hash_behind {
        store.update_hash(cache).await.unwrap();
    }
    id
}

/// What is published, in one step.
async fn published(store: &dyn Store, cache: &Name) -> Option<(Head, Map)> {
    let (head, entries) = read_whole(store, cache).await.unwrap()?;
    Some((head, entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()))
}

/// Gives the keys without a TTL, all at one moment.
const IMMORTAL: &str = "local keys = redis.call('KEYS', '*') local immortal = {} \
    for _, key in ipairs(keys) do if redis.call('PTTL', key) == -1 then immortal[#immortal + 1] = key end end \
    return immortal";

fn immortal(server: &RedisServer) -> Vec<String> {
    server.command(&["EVAL", IMMORTAL, "0"]).unwrap()
}

/// A commit that must fail with an error of the store; gives its lease back.
fn failed(committed: Result<Committed, NotCommitted>) -> (Lease, Error) {
    match committed {
        Err(NotCommitted { lease, reason: CommitError::Failed(error) }) => (lease, error),
        other => panic!("expected an error of the store, got {other:?}"),
    }
}

/// Waits for something that another thread or server does.
async fn eventually<F: Future<Output = bool>>(what: &str, mut happens: impl FnMut() -> F) {
    let all = async {
        while !happens().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap_or_else(|_| panic!("it did not happen: {what}"));
}
