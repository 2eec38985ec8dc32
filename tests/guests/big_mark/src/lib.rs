//! Sets a mark of `bytes` bytes; by default one more than the contract's 4 KiB.

use kiwi_loader::{Error, mark};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "default_bytes")]
    bytes: usize,
}

fn default_bytes() -> usize {
    4097
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, u32); 1], Error> {
    mark::set(&"m".repeat(settings.bytes));
    Ok([("FR", 1)])
}

kiwi_loader::loader!(load_from_source);
