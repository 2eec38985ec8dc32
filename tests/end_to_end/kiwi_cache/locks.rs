//! The lock that Python and we share: only its holder loads, and whoever has lost it publishes nothing.

use std::time::Duration;

use serde_json::json;

use super::{LOCK, number_in, over_http, raw};
use crate::redis_server::RedisServer;
use crate::support::{Python, Source, WorkDir, eventually};

fn python(redis: &RedisServer, source: &Source, refill_ttl: u32) -> Python {
    let mut python = Python::start(redis, "Airlines", &json!({ "suffix": "eu", "refill_ttl": refill_ttl }));
    python.source(json!({ "url": source.url("python") }));
    python
}

fn lock(redis: &RedisServer) -> Option<String> {
    redis.command(&["GET", LOCK]).expect("a lock is a string")
}

#[test]
fn we_do_not_load_while_a_python_worker_holds_the_lock() {
    let redis = RedisServer::start();
    let source = Source::start(Duration::from_secs(2));
    let mut python = python(&redis, &source, 5);
    python.begin_refill();
    eventually("a load of Python", || (source.loads().in_flight == 1).then_some(()));
    assert_eq!(lock(&redis).as_deref(), Some("locked"));

    let workdir = WorkDir::with(&over_http(&redis, &source, ""));
    workdir.run(&["refill", "airlines"]).expect(0);
    python.end_refill();
    let loads = source.loads();
    assert_eq!((loads.of("python"), loads.of("host"), loads.max_in_flight), (1, 1, 1), "one after the other");
    assert_eq!(number_in(&raw(&redis)), 2);
    assert_eq!((python.lost_locks(), lock(&redis)), (0, None));
}

#[test]
fn python_does_not_load_while_we_hold_the_lock_however_long() {
    let redis = RedisServer::start();
    let source = Source::start(Duration::from_secs(4));
    let workdir = WorkDir::with(&over_http(&redis, &source, "lease_ttl = \"2s\""));
    let host = workdir.start(&["refill", "airlines"]);
    eventually("our load", || (source.loads().in_flight == 1).then_some(()));
    let token = lock(&redis).expect("we hold the lock");
    assert_ne!(token, "locked");

    let mut python = python(&redis, &source, 5);
    python.begin_refill();
    eventually("the end of our load", || {
        let held = lock(&redis);
        let under_way = source.loads().in_flight == 1;
        assert!(!under_way || held.as_deref() == Some(&token), "it is renewed: {held:?}");
        (!under_way).then_some(())
    });
    host.wait().expect(0);
    python.end_refill();
    assert_eq!((source.loads().started(), python.loads()), (1, 0), "what we published is news for Python");
    assert_eq!(python.get("load"), Ok(r#"{"number": 1}"#.to_owned()));
    assert_eq!(lock(&redis), None);
}

#[test]
fn a_host_that_lost_the_lock_publishes_nothing_and_releases_no_other_lock() {
    let redis = RedisServer::start();
    let source = Source::start(Duration::from_secs(7));
    // Its lock expires after five seconds, and after seven it releases whatever lock there is.
    let mut too_slow = python(&redis, &source, 5);
    too_slow.begin_refill();
    eventually("Python's load", || (source.loads().started() == 1).then_some(()));
    let workdir = WorkDir::with(&over_http(&redis, &source, "refill_interval = \"1s\"\nreload_ttl = \"1m\""));
    let mut host = workdir.start(&["run"]);
    eventually("our load, after Python's lock has exited", || (source.loads().of("host") == 1).then_some(()));
    assert_eq!(source.loads().max_in_flight, 2, "kiwi-cache's own defect: it goes on without its lock");

    too_slow.end_refill();
    assert_eq!(lock(&redis), None, "it was ours");
    let mut next = python(&redis, &source, 30);
    next.begin_refill();
    host.wait_for_log("the lease was lost while loading");
    eventually("the next load of Python", || (source.loads().of("python") == 2).then_some(()));
    let third = source.loads().started();
    assert_eq!(third, 3, "no host loads meanwhile");
    eventually("its end", || {
        assert!(lock(&redis).is_none_or(|lock| lock == "locked"), "a host has taken the lock of another");
        assert_ne!(number_in(&raw(&redis)), 2, "the load that had lost its lock was published");
        (source.loads().in_flight == 0).then_some(())
    });
    next.end_refill();
    assert_eq!(next.lost_locks(), 0, "nobody has freed its lock");
    eventually("our next load is published", || {
        let number = number_in(&raw(&redis));
        assert_ne!(number, 2, "the load that had lost its lock was published");
        (number == 4).then_some(())
    });
}
