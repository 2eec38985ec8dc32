//! Opens the file `path` `times` times (by default 1,000) and closes none. The entry `open` is how many it has.

use std::fs::File;

use kiwi_loader::Error;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    path: String,
    #[serde(default = "default_times")]
    times: usize,
}

fn default_times() -> usize {
    1_000
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, usize); 1], Error> {
    let mut open = Vec::new();
    for _ in 0..settings.times {
        open.push(File::open(&settings.path)?);
    }
    Ok([("open", open.len())])
}

kiwi_loader::loader!(load_from_source);
