//! Sources that fail, theirs and ours, and a flushed Redis: readers keep serving the map.

use std::time::Duration;

use kiwi_cache::blocking;
use serde_json::json;

use super::{Airlines, LOCK, RECORD, raw, record, ttl};
use crate::redis_server::RedisServer;
use crate::support::{Python, eventually};

const RYANAIR: &str = r#""Ryanair""#;

#[test]
fn python_keeps_serving_while_our_source_fails() {
    let redis = RedisServer::start();
    let airlines = Airlines::new(&redis, "record", "reload_ttl = \"1s\"\ncache_ttl = \"4s\"");
    airlines.source(r#"{"FR": "Ryanair"}"#);
    let mut host = airlines.0.start(&["run"]);
    host.wait_for_log("published cache=airlines");
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "reload_ttl": 0.05, "cache_ttl": 4 }));
    python.source(json!({ "error": "must not be called" }));

    let before = raw(&redis);
    airlines.source("{ this is not JSON");
    // Longer than `cache_ttl`.
    let failed = std::time::Instant::now();
    eventually("six seconds of failures", || {
        assert_eq!(python.get("FR"), Ok(RYANAIR.to_owned()), "after {:?}", failed.elapsed());
        (failed.elapsed() > Duration::from_secs(6)).then_some(())
    });
    assert!(host.stderr().contains("airlines"), "{}", host.stderr());
    assert_eq!((raw(&redis), python.loads()), (before, 0));

    airlines.source(r#"{"FR": "Ryanair DAC"}"#);
    eventually("the source's new data in Python", || {
        (python.get("FR") == Ok(r#""Ryanair DAC""#.to_owned())).then_some(())
    });
}

#[test]
fn python_and_we_keep_serving_while_its_source_fails() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "reload_ttl": 0.05, "cache_ttl": 60 }));
    python.source(json!({ "data": { "FR": "Ryanair" } }));
    python.refill().unwrap();
    let reader = blocking::Cache::builder("airlines").store(redis.url()).layout(record());
    let cache: blocking::Cache<String> = reader.reload_ttl(Duration::from_millis(50)).connect().unwrap();

    python.source(json!({ "error": "the source is down" }));
    redis.command::<()>(&["PEXPIRE", RECORD, "20000"]).unwrap();
    python.refill().unwrap();
    assert!(ttl(&redis) > Duration::from_secs(50), "it extends the TTL: {:?}", ttl(&redis));
    assert_eq!(python.statuses("Airlines"), ["success", "load_error"]);
    assert_eq!(python.get("FR"), Ok(RYANAIR.to_owned()));
    assert_eq!(cache.get("FR").unwrap().as_deref().map(String::as_str), Some("Ryanair"));
}

#[test]
fn after_flushall_python_saves_its_copy_and_we_read_it() {
    let redis = RedisServer::start();
    let airlines = Airlines::new(&redis, "record", "");
    airlines.publish(r#"{"FR": "Ryanair"}"#);
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
    python.source(json!({ "error": "the source is down" }));
    assert_eq!(python.get("FR"), Ok(RYANAIR.to_owned()));
    let reader = blocking::Cache::builder("airlines").store(redis.url()).layout(record());
    let cache: blocking::Cache<String> = reader.reload_ttl(Duration::from_millis(50)).connect().unwrap();

    redis.command::<()>(&["FLUSHALL"]).unwrap();
    assert_eq!(cache.get("FR").unwrap().as_deref().map(String::as_str), Some("Ryanair"), "from memory");
    python.refill().unwrap();
    assert_eq!(python.statuses("Airlines"), ["success", "load_error"], "its local copy was saved, its load failed");
    assert_eq!(airlines.dump(), "FR\t\"Ryanair\"\n");
}

#[test]
fn after_flushall_we_publish_again_and_python_reads_it() {
    let redis = RedisServer::start();
    let airlines = Airlines::new(&redis, "both", "reload_ttl = \"1h\"");
    airlines.source(r#"{"FR": "Ryanair"}"#);
    let mut host = airlines.0.start(&["run"]);
    host.wait_for_log("published cache=airlines");
    let options = json!({ "suffix": "eu", "reload_ttl": 0.05, "cache_ttl": 60 });
    let mut reading = Python::start(&redis, "Airlines", &options);
    reading.source(json!({ "error": "the source is down" }));
    assert_eq!(reading.get("FR"), Ok(RYANAIR.to_owned()));

    redis.command::<()>(&["FLUSHALL"]).unwrap();
    eventually("what was flushed is published again", || {
        assert_eq!(reading.get("FR"), Ok(RYANAIR.to_owned()), "it serves its copy meanwhile");
        redis.command::<Option<String>>(&["HGET", "kiwi:{airlines}", "FR"]).unwrap()
    });
    let mut started_later = Python::start(&redis, "Airlines", &options);
    started_later.source(json!({ "error": "the source is down" }));
    assert_eq!(started_later.get("FR"), Ok(RYANAIR.to_owned()));
    assert_eq!(redis.command(&["EXISTS", LOCK]), Ok(0), "the lock is free");
}
