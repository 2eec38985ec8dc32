//! Gets `url`, or posts `body` to it. The entries are `status`, `url` (after redirects), `headers`, `bytes` (the length of the body) and `body`
//! (its first 64 KiB as text). If the request fails, the load fails with the same error.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use kiwi_loader::{Error, http};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    timeout_ms: Option<u64>,
    body: Option<String>,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, Value); 5], Error> {
    let mut request = match settings.body {
        None => http::get(settings.url),
        Some(body) => http::post(settings.url).body(body),
    };
    for (name, value) in settings.headers {
        request = request.header(name, value);
    }
    if let Some(ms) = settings.timeout_ms {
        request = request.timeout(Duration::from_millis(ms));
    }
    let mut response = request.send()?;
    let mut body = Vec::new();
    response.by_ref().take(64 * 1024).read_to_end(&mut body)?;
    let bytes = body.len() as u64 + std::io::copy(&mut response, &mut std::io::sink())?;
    let headers: BTreeMap<String, String> = response.headers().into_iter().collect();
    Ok([
        ("status", json!(response.status())),
        ("url", json!(response.url())),
        ("headers", json!(headers)),
        ("bytes", json!(bytes)),
        ("body", json!(String::from_utf8_lossy(&body))),
    ])
}

kiwi_loader::loader!(load_from_source);
