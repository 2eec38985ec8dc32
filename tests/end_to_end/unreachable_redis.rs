//! A Redis that has not started yet, or that is killed.

use std::time::{Duration, Instant};

use kiwi_cache::{Cache, State};

use crate::redis_server::RedisServer;
use crate::support::{Number, Numbers, WorkDir, eventually, numbers};

const ENTRIES: u32 = 2_000;

#[test]
fn a_host_waits_until_redis_starts() {
    let mut redis = RedisServer::start();
    redis.kill();
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, ""));
    let mut host = workdir.start(&["run"]);
    let said = host.wait_for_log("retrying until it is reachable");
    assert!(said.contains(&format!("Redis at 127.0.0.1:{}/0 cannot be reached", redis.port())), "{said}");
    assert_eq!(host.try_wait(), None, "it waits");

    redis.restart();
    let there = Instant::now();
    host.wait_for_log("is back");
    host.wait_for_log("published cache=numbers");
    println!("a host that was started before its Redis published {:.1?} after Redis started", there.elapsed());
    assert_eq!(redis.command(&["HLEN", "kiwi:{numbers}"]), Ok(ENTRIES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_restarts_empty_is_filled_again_while_readers_keep_serving() {
    let mut redis = RedisServer::start();
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, "refill_interval = \"500ms\"\ncache_ttl = \"1m\""));
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("published cache=numbers");
    let reader = Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_millis(100));
    let cache: Cache<Number> = reader.connect().await.expect("a map that is published");
    let mut met = Numbers::default();
    let mut served = |cache: &Cache<Number>| {
        let snapshot = cache.snapshot().expect("a map that was loaded stays");
        met.check(&snapshot, ENTRIES);
        snapshot.id()
    };

    for time in 1..=3 {
        redis.kill();
        host.wait_for_log_times("retrying until it is reachable", time);
        let before = served(&cache);
        eventually("a stale reader", || (cache.state() == State::Stale).then_some(()));
        assert_eq!(served(&cache), before);

        redis.restart();
        assert!(redis.is_ready());
        let (back, mut id) = (Instant::now(), before);
        eventually("a new map in the reader", || {
            id = served(&cache);
            (id != before).then_some(())
        });
        println!("Redis restarted empty: a reader had new data {:.1?} later", back.elapsed());
        eventually("a fresh reader", || (cache.state() == State::Fresh).then_some(()));
        host.wait_for_log_times("is back", time);
    }
    println!("meanwhile the reader was checked {} times, and was always whole", met.loads());
}
