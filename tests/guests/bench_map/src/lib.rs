//! The loader that `cargo xtask bench` measures: a [`Map`] of `entries` entries, of which `changed` percent differ from one
//! generation to the next. The generation is the number in the file `generation`, or else the time. With `mark` it is also
//! the mark, and a load of the same generation reports `unchanged`.

mod map;

use std::time::{SystemTime, UNIX_EPOCH};

use kiwi_loader::{Error, Json, Load, mark};
use map::Map;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "ten")]
    entries: u32,
    #[serde(default = "all")]
    changed: f64,
    generation: Option<String>,
    #[serde(default)]
    mark: bool,
}

fn ten() -> u32 {
    10
}

fn all() -> f64 {
    100.0
}

fn load_from_source(settings: Settings) -> Result<Load<impl Iterator<Item = (String, Json)>>, Error> {
    let generation = match settings.generation {
        Some(path) => std::fs::read_to_string(path)?.trim().parse()?,
        // Milliseconds, because there may be several loads in a second; a value has room for seven digits.
        None => (SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() % 10_000_000) as u32,
    };
    if settings.mark {
        let now = generation.to_string();
        if mark::published().as_ref() == Some(&now) {
            return Ok(Load::Unchanged);
        }
        mark::set(&now);
    }
    let map = Map { entries: settings.entries, changed: settings.changed, generation };
    Ok(Load::Entries(map.entries().map(|(key, value)| (key, Json(value)))))
}

kiwi_loader::loader!(load_from_source);
