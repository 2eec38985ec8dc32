//! `entries` entries. Each value has the same `generation` (by default the time in nanoseconds) and `value_bytes` of
//! padding, so that a torn read shows as two generations in one map.

use std::time::{SystemTime, UNIX_EPOCH};

use kiwi_loader::Error;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_entries")]
    entries: u32,
    generation: Option<u64>,
    #[serde(default)]
    value_bytes: usize,
}

fn default_entries() -> u32 {
    1_000
}

#[derive(Serialize)]
struct Value {
    generation: u64,
    n: u32,
    padding: String,
}

fn load_from_source(settings: Settings) -> Result<impl Iterator<Item = (u32, Value)>, Error> {
    let generation = match settings.generation {
        Some(generation) => generation,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64,
    };
    let value = move |n| Value { generation, n, padding: "x".repeat(settings.value_bytes) };
    Ok((0..settings.entries).map(move |n| (n, value(n))))
}

kiwi_loader::loader!(load_from_source);
