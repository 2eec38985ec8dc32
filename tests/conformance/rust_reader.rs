//! The driver of the Rust reader: `kiwi_cache::Cache` and `RemoteCache`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiwi_cache::{Cache, Error, RemoteCache, State};
use kiwi_store::Layout;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::case::Settings;

type Text = Box<RawValue>;

const HOUR: u64 = 3_600_000;

/// One reader at a time, in a runtime of its own.
pub(crate) struct RustReader {
    runtime: Runtime,
    url: String,
    open: Option<Open>,
}

struct Open {
    cache: Cache<Text>,
    held: Arc<Mutex<Vec<String>>>,
}

impl RustReader {
    pub(crate) fn new(url: String) -> Self {
        Self { runtime: Runtime::new().expect("a runtime"), url, open: None }
    }

    pub(crate) fn answer(&mut self, request: &Value) -> Value {
        let prefix = request["key_prefix"].as_str().unwrap_or_default();
        match request["do"].as_str().expect("what to do") {
            "abilities" => json!({ "reader": "Rust reader", "can": ["copy", "listen", "look_up", "record"] }),
            "open" => {
                let settings = serde_json::from_value(request["settings"].clone()).expect("settings");
                self.open = Some(self.runtime.block_on(Open::new(&self.url, prefix, settings)));
                json!({})
            }
            "close" => {
                self.open = None;
                json!({})
            }
            "look_up" => self.runtime.block_on(look_up(&self.url, prefix, request["key"].as_str().expect("a key"))),
            "reload" => {
                // What went wrong is in `last_error`.
                let _ = self.runtime.block_on(self.open.as_ref().expect("it is open").cache.reload());
                json!({})
            }
            "say" => self.open.as_ref().expect("it is open").say(&request["keys"]),
            other => panic!("`{other}` is unknown"),
        }
    }
}

impl Open {
    async fn new(url: &str, prefix: &str, settings: Settings) -> Self {
        let Settings { listen, record, reload_ttl_ms } = settings;
        let reload_ttl = Duration::from_millis(reload_ttl_ms.unwrap_or(HOUR));
        let mut builder =
            Cache::builder("airlines").store(url).key_prefix(prefix).start_missing().reload_ttl(reload_ttl);
        if !listen {
            builder = builder.poll_only();
        }
        if let Some(record) = record {
            builder = builder.layout(Layout::Record(record.parse().expect("a good key")));
        }
        let cache: Cache<Text> = builder.connect().await.expect("a reader that starts without a snapshot");
        let mut changes = cache.changes();
        let held = Arc::new(Mutex::new(Vec::from_iter(cache.id().map(|id| id.to_string()))));
        let seen = Arc::clone(&held);
        tokio::spawn(async move {
            while let Some(changed) = changes.next().await {
                seen.lock().expect("nobody panics with it").push(changed.id.to_string());
            }
        });
        Self { cache, held }
    }

    fn say(&self, keys: &Value) -> Value {
        let mut values = Map::new();
        for key in keys.as_array().into_iter().flatten() {
            let key = key.as_str().expect("a key");
            let value = self.cache.get(key).ok().flatten().map(|value| value.get().to_owned());
            values.insert(key.to_owned(), value.into());
        }
        let state = match self.cache.state() {
            State::Fresh => "fresh",
            State::Stale => "stale",
            State::Missing => "missing",
            other => panic!("{other:?} is unknown"),
        };
        json!({
            "state": state,
            "id": self.cache.id().map(|id| id.to_string()),
            "seq": self.cache.seq(),
            "entries": self.cache.len().ok(),
            "age_ms": self.cache.age().map(|age| age.as_millis() as u64),
            "error": self.cache.last_error().map(|error| kind(&error)),
            "values": values,
            "held": *self.held.lock().expect("nobody panics with it"),
        })
    }
}

async fn look_up(url: &str, prefix: &str, key: &str) -> Value {
    let cache: RemoteCache<Text> =
        RemoteCache::builder("airlines").store(url).key_prefix(prefix).open().expect("a URL");
    match cache.get_with_id(key).await {
        Ok(found) => json!({ "id": found.id.to_string(), "value": found.value.map(|value| value.get().to_owned()) }),
        Err(error) => json!({ "error": kind(&error) }),
    }
}

fn kind(error: &Error) -> &'static str {
    match () {
        () if error.is_missing() => "missing",
        () if error.is_value() => "damaged",
        () if error.is_newer_format() => "newer_format",
        () if error.is_wrong_type() => "wrong_type",
        () if error.is_unavailable() => "unavailable",
        () => "other",
    }
}
