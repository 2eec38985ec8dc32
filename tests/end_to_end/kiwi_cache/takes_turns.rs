//! Python and we write the same record, and readers of the hash see the map of the same commit.

use std::collections::BTreeMap;
use std::time::Duration;

use kiwi_cache::{Cache, blocking};
use serde_json::json;

use super::{Airlines, RECORD_KEY, raw, record};
use crate::redis_server::RedisServer;
use crate::support::{Number, Python, WorkDir, eventually, numbers};

#[test]
fn a_record_that_python_overwrote_is_read_until_we_refill() {
    let redis = RedisServer::start();
    let airlines = Airlines::new(&redis, "record", "");
    airlines.publish(r#"{"FR": "ours"}"#);
    let reader = blocking::Cache::builder("airlines").store(redis.url()).layout(record());
    let cache: blocking::Cache<String> = reader.reload_ttl(Duration::from_millis(50)).connect().unwrap();
    let sees = |value: &str| {
        eventually(&format!("`{value}` in our reader"), || {
            cache.get("FR").unwrap().is_some_and(|found| *found == value).then_some(())
        });
    };
    sees("ours");

    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
    python.source(json!({ "data": { "FR": "Python's" } }));
    python.refill().unwrap();
    sees("Python's");
    assert_eq!(airlines.dump(), "FR\t\"Python's\"\n");
    assert_eq!(airlines.state(), "foreign", "written by Python");

    // Our source has not changed, but the record in Redis is not ours.
    airlines.0.run(&["refill", "airlines"]).expect(0);
    sees("ours");
    assert!(raw(&redis).contains("\"ours\""), "{}", raw(&redis));
    assert_eq!(airlines.state(), "fresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_layouts_are_published_in_one_commit() {
    const ENTRIES: u32 = 300;
    let redis = RedisServer::start();
    let both = format!(
        "layout = \"both\"\nrecord_key = {RECORD_KEY:?}\nrefill_interval = \"50ms\"\nreload_ttl = \"1s\"\ncache_ttl = \"1m\""
    );
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, &both));
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("published cache=numbers");
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "reload_ttl": 0, "cache_ttl": 60 }));
    let hashes: Cache<Number> =
        Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_millis(20)).connect().await.unwrap();

    let both_at_once = "return {redis.call('HGETALL', 'kiwi:{numbers}'), redis.call('GET', 'resource:Airlines:eu')}";
    let mut generations = BTreeMap::new();
    eventually("twenty commits", || {
        let (hash, record): (BTreeMap<String, String>, String) = redis.command(&["EVAL", both_at_once, "0"]).unwrap();
        let record: Record = serde_json::from_str(&record).unwrap();
        let hash: BTreeMap<_, Number> =
            hash.into_iter().map(|(key, value)| (key, serde_json::from_str(&value).unwrap())).collect();
        let generation = generation_of(&hash);
        assert_eq!((hash.len(), generation_of(&record.data)), (ENTRIES as usize, generation), "two maps");
        *generations.entry(generation).or_insert(0) += 1;

        let in_python: BTreeMap<String, Number> = serde_json::from_str(&python.dump().unwrap()).unwrap();
        assert_eq!(in_python.len(), ENTRIES as usize);
        generation_of(&in_python);
        (generations.len() >= 20).then_some(())
    });
    eventually("the reader of hashes moves on too", || {
        let generation = hashes.snapshot().unwrap()["0"].generation;
        (generation > *generations.first_key_value().unwrap().0).then_some(())
    });
    assert_eq!(python.loads(), 0);
}

#[derive(serde::Deserialize)]
struct Record {
    data: BTreeMap<String, Number>,
}

/// The number of the load of a map; panics if the map is mixed.
fn generation_of(map: &BTreeMap<String, Number>) -> u64 {
    let mut generations = map.values().map(|number| number.generation);
    let first = generations.next().expect("a map with entries");
    assert!(generations.all(|generation| generation == first), "a map that is mixed");
    first
}
