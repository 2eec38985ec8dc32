//! FLUSHALL while a host and a reader run.

use std::time::{Duration, Instant};

use kiwi_cache::Cache;
use kiwi_store::Id;

use crate::redis_server::RedisServer;
use crate::support::{LONG, Number, Numbers, WorkDir, numbers};

const ENTRIES: u32 = 10_000;
const FLUSHES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_map_is_published_again_within_seconds_and_a_reader_keeps_its_copy() {
    let redis = RedisServer::start();
    // A regular refill would come too late to restore the data.
    let timing = "reload_ttl = \"1s\"\nrefill_interval = \"10m\"\ncache_ttl = \"1h\"";
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, timing));
    let mut host = workdir.start(&["run"]);
    let reader = Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_secs(1)).wait_for(LONG);
    let cache: Cache<Number> = reader.connect().await.expect("a map that is published");
    let (mut served, mut waits) = (Numbers::default(), Vec::new());
    for _ in 0..FLUSHES {
        // A host that loses its data repeatedly waits longer each time, so each host here loses it once.
        drop(host);
        host = workdir.start(&["run"]);
        host.wait_for_log("keeping 1 cache warm");
        let old = cache.snapshot().expect("a map that was loaded").id();
        // At a random moment between two checks of the host and of the reader.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..1_000))).await;
        redis.command::<()>(&["FLUSHALL"]).expect("an answer");
        waits.push(until_another(&cache, old, &mut served).await);
    }
    drop(host);
    waits.sort_unstable();
    println!(
        "FLUSHALL {FLUSHES} times over {ENTRIES} entries, reload_ttl 1 s: a reader had new data after {waits:.1?}, and \
         {} checks of it found the old or the new map, whole",
        served.loads()
    );
    assert!(waits[FLUSHES - 1] < Duration::from_secs(10), "{waits:?}");
}

/// The time until a reader serves another snapshot. Checks what it serves meanwhile.
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
