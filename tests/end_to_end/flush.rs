//! FLUSHALL under a host and a reader that run.

use std::time::{Duration, Instant};

use kiwi_cache::Cache;
use kiwi_store::Id;

use crate::redis_server::RedisServer;
use crate::support::{Desk, LONG, Number, Numbers, numbers};

const ENTRIES: u32 = 10_000;
const FLUSHES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_map_is_back_within_seconds_and_a_reader_never_loses_its_copy() {
    let redis = RedisServer::start();
    // Refilled too seldom to explain that the data is back.
    let timing = "reload_ttl = \"1s\"\nrefill_interval = \"10m\"\ncache_ttl = \"1h\"";
    let desk = Desk::with(&numbers(&redis, ENTRIES, timing));
    let mut host = desk.start(&["run"]);
    let reader = Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_secs(1)).wait_for(LONG);
    let cache: Cache<Number> = reader.connect().await.expect("a map that is published");
    let (mut served, mut waits) = (Numbers::default(), Vec::new());
    for _ in 0..FLUSHES {
        // A host that loses its data again and again waits longer each time: here each loses it once.
        drop(host);
        host = desk.start(&["run"]);
        host.says("kept warm");
        let old = cache.snapshot().expect("a map that was loaded").id();
        // At any moment between two looks of the host and of the reader.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..1_000))).await;
        redis.command::<()>(&["FLUSHALL"]).expect("an answer");
        waits.push(until_another(&cache, old, &mut served).await);
    }
    drop(host);
    waits.sort_unstable();
    println!(
        "FLUSHALL {FLUSHES} times over {ENTRIES} entries, reload_ttl 1 s: a reader had new data after {waits:.1?}, and \
         {} looks at it found the old or the new map whole",
        served.loads()
    );
    assert!(waits[FLUSHES - 1] < Duration::from_secs(10), "{waits:?}");
}

/// How long it takes until a reader serves another snapshot; what it serves meanwhile is checked.
async fn until_another(cache: &Cache<Number>, old: Id, served: &mut Numbers) -> Duration {
    let flushed = Instant::now();
    while flushed.elapsed() < LONG {
        let snapshot = cache.snapshot().expect("a map that was loaded stays");
        served.check(&snapshot, ENTRIES);
        if snapshot.id() != old {
            return flushed.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a reader still has the old map {LONG:?} after FLUSHALL");
}
