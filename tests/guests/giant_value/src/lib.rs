//! One entry whose value has `bytes` bytes, by default 32 MiB.

use kiwi_loader::Error;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "default_bytes")]
    bytes: usize,
}

fn default_bytes() -> usize {
    32 << 20
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, String); 1], Error> {
    Ok([("giant", "x".repeat(settings.bytes))])
}

kiwi_loader::loader!(load_from_source);
