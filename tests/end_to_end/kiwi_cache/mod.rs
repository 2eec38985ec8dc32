//! Side by side with Python's real kiwi-cache on one Redis: it reads what we publish, we read what it saves, and each
//! continues where the other stops.

mod failures;
mod locks;
mod race;
mod reads_ours;
mod saves;
mod tables;
mod takes_turns;
mod types;
mod values;
mod we_read;

use std::time::Duration;

use kiwi_store::{Layout, RecordKey};
use serde_json::value::RawValue;

use crate::redis_server::RedisServer;
use crate::support::{Source, WorkDir, plugin};

/// The key of Python's class `Airlines` with the suffix `eu`.
const RECORD_KEY: &str = "Airlines:eu";
const RECORD: &str = "resource:Airlines:eu";
const LOCK: &str = "lock:Airlines:eu";

/// A kiwi.toml with the cache `airlines`, loaded from a JSON file, with a layout that Python can read.
struct Airlines(WorkDir);

impl Airlines {
    fn new(redis: &RedisServer, layout: &str, more: &str) -> Self {
        let (store, file) = (redis.url(), plugin("file"));
        let workdir = WorkDir::with(&format!(
            "store = {store:?}\n[cache.airlines]\nplugin = {file:?}\nlayout = {layout:?}\nrecord_key = {RECORD_KEY:?}\n\
             settings = {{ path = \"data/airlines.json\" }}\ngrants = {{ files = [\"data/airlines.json\"] }}\n{more}\n"
        ));
        std::fs::create_dir(workdir.path().join("data")).expect("a directory");
        Self(workdir)
    }

    /// Writes the data of the source.
    fn source(&self, json: &str) {
        self.0.file("data/airlines.json", json);
    }

    /// Publishes this map.
    #[track_caller]
    fn publish(&self, json: &str) {
        self.source(json);
        self.0.run(&["refill", "airlines"]).expect(0);
    }

    /// The output of `dump`: each line is a key, a tab and a value.
    #[track_caller]
    fn dump(&self) -> String {
        self.0.run(&["dump", "airlines"]).expect(0).stdout
    }

    /// The state that `status` shows.
    #[track_caller]
    fn state(&self) -> String {
        let status = self.0.run(&["status", "airlines", "--format", "json"]).expect(0).stdout;
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        status["caches"][0]["state"].as_str().expect("a state").to_owned()
    }
}

/// A kiwi.toml with the cache `airlines`, a record loaded from this source; `more` is the rest of its table.
fn over_http(redis: &RedisServer, source: &Source, more: &str) -> String {
    let (store, http, url, origin) = (redis.url(), plugin("http"), source.url("host"), source.origin());
    format!(
        "store = {store:?}\n[cache.airlines]\nplugin = {http:?}\nlayout = \"record\"\nrecord_key = {RECORD_KEY:?}\n\
         settings = {{ url = {url:?} }}\ngrants = {{ http = [{origin:?}] }}\n{more}\n"
    )
}

/// The layout with which a reader reads Python's record.
fn record() -> Layout {
    Layout::Record(RECORD_KEY.parse::<RecordKey>().expect("a class and a suffix"))
}

/// The text of the record.
fn raw(redis: &RedisServer) -> String {
    redis.command(&["GET", RECORD]).expect("a record")
}

/// The map in the record of this class, as it is written there.
fn record_data(redis: &RedisServer, class: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Record {
        data: Box<RawValue>,
    }
    let record: String = redis.command(&["GET", &format!("resource:{class}")]).expect("a record");
    serde_json::from_str::<Record>(&record).expect("a record").data.get().to_owned()
}

/// The number of the load in a record from a [`Source`].
fn number_in(record: &str) -> u32 {
    let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
    let number = record["data"]["load"]["number"].as_u64().expect("the number of a load");
    number.try_into().expect("not that many loads")
}

/// The TTL of the record.
fn ttl(redis: &RedisServer) -> Duration {
    Duration::from_millis(redis.command(&["PTTL", RECORD]).expect("a record with a TTL"))
}
