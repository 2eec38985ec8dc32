//! Sleeps `ms` milliseconds in the host, then returns `entries`.

use std::collections::BTreeMap;
use std::time::Duration;

use kiwi_loader::Error;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Settings {
    ms: u64,
    #[serde(default)]
    entries: BTreeMap<String, Value>,
}

fn load_from_source(settings: Settings) -> Result<BTreeMap<String, Value>, Error> {
    std::thread::sleep(Duration::from_millis(settings.ms));
    Ok(settings.entries)
}

kiwi_loader::loader!(load_from_source);
