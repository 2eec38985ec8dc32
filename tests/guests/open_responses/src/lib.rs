//! Requests `url` `responses` times (by default 1,000) and closes no response.

use kiwi_loader::{Error, http};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default = "default_responses")]
    responses: usize,
}

fn default_responses() -> usize {
    1_000
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, usize); 1], Error> {
    let mut open = Vec::new();
    for _ in 0..settings.responses {
        open.push(http::get(&settings.url).send()?);
    }
    Ok([("open", open.len())])
}

kiwi_loader::loader!(load_from_source);
