//! Gets `url` with `headers`, and gives away what it got, as `by` says: `log` (at every level), `stdout`, `stderr`, `fail` (its error) or
//! `panic`. Before the body it writes `padding` bytes.

use std::collections::BTreeMap;
use std::io::Read;

use kiwi_loader::{Error, http, log};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    by: String,
    #[serde(default)]
    padding: usize,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, u64); 1], Error> {
    let mut request = http::get(settings.url);
    for (name, value) in settings.headers {
        request = request.header(name, value);
    }
    let mut text = "x".repeat(settings.padding);
    request.send()?.read_to_string(&mut text)?;
    match settings.by.as_str() {
        "log" => {
            log::trace!("{text}");
            log::debug!("{text}");
            log::info!("{text}");
            log::warn!("{text}");
            log::error!("{text}");
        }
        "stdout" => println!("{text}"),
        "stderr" => eprintln!("{text}"),
        "fail" => return Err(Error::other(text)),
        _ => panic!("{text}"),
    }
    Ok([("bytes", text.len() as u64)])
}

kiwi_loader::loader!(load_from_source);
