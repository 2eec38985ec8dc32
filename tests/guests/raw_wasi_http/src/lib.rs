//! Gets `url` with `headers` by `wasi:http` instead of the contract's `http`. The entries are `status` and `body`. If the request
//! fails, the load fails with the same error; if the server answers 429 or 503, as `unavailable`.

use std::collections::BTreeMap;
use std::io::Read;

use kiwi_loader::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

#[derive(Deserialize)]
struct Settings {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, Value); 2], Error> {
    let headers = Fields::new();
    for (name, value) in &settings.headers {
        headers.append(name, value.as_bytes()).map_err(Error::other)?;
    }
    let request = request(&settings.url, headers).ok_or_else(|| Error::invalid_settings("`url` is not a valid URL"))?;
    let pending = outgoing_handler::handle(request, None)?;
    pending.subscribe().block();
    let response = pending.get().ok_or_else(|| Error::other("there is no response after waiting for it"))?;
    let response = response.map_err(|()| Error::other("the response was already taken"))??;
    if let status @ (429 | 503) = response.status() {
        return Err(Error::unavailable(format_args!("the server answered {status}")));
    }
    let body = response.consume().map_err(|()| Error::other("the body was already taken"))?;
    let mut stream = body.stream().map_err(|()| Error::other("the stream was already taken"))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok([("status", json!(response.status())), ("body", json!(text))])
}

fn request(url: &str, headers: Fields) -> Option<OutgoingRequest> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(headers);
    request.set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http })).ok()?;
    request.set_authority(Some(authority)).ok()?;
    request.set_path_with_query(Some(&format!("/{path}"))).ok()?;
    Some(request)
}

kiwi_loader::loader!(load_from_source);
