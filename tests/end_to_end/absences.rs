//! A Redis that is not there yet, or not there any more.

use std::time::{Duration, Instant};

use kiwi_cache::{Cache, State};

use crate::redis_server::RedisServer;
use crate::support::{Desk, Number, Numbers, eventually, numbers};

const ENTRIES: u32 = 2_000;

#[test]
fn a_host_waits_for_a_redis_that_is_not_there_yet() {
    let mut redis = RedisServer::start();
    redis.kill();
    let desk = Desk::with(&numbers(&redis, ENTRIES, ""));
    let mut host = desk.start(&["run"]);
    let said = host.says("trying again until it is there");
    assert!(said.contains(&format!("Redis at 127.0.0.1:{}/0 cannot be reached", redis.port())), "{said}");
    assert_eq!(host.try_wait(), None, "it waits");

    redis.restart();
    let there = Instant::now();
    host.says("is back");
    host.says("published cache=numbers");
    println!("a host that was started before its Redis: published {:.1?} after the Redis was", there.elapsed());
    assert_eq!(redis.command(&["HLEN", "kiwi:{numbers}"]), Ok(ENTRIES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_comes_back_empty_is_filled_again_and_readers_serve_on() {
    let mut redis = RedisServer::start();
    let desk = Desk::with(&numbers(&redis, ENTRIES, "refill_interval = \"500ms\"\ncache_ttl = \"1m\""));
    let mut host = desk.start(&["run"]);
    host.says("published cache=numbers");
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
        host.says_again("trying again until it is there", time);
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
        println!("a Redis that was killed and is back empty: a reader had new data {:.1?} later", back.elapsed());
        eventually("a fresh reader", || (cache.state() == State::Fresh).then_some(()));
        host.says_again("is back", time);
    }
    println!("meanwhile {} looks at the reader, all whole", met.loads());
}
