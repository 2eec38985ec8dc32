//! Gets `url` by `wasi:http`, past the contract's own `http`: the entries `status` and `body`. An error is the load's.

use std::io::Read;

use kiwi_loader::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

#[derive(Deserialize)]
struct Settings {
    url: String,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, Value); 2], Error> {
    let request = request(&settings.url).ok_or_else(|| Error::invalid_settings("`url` is no URL"))?;
    let pending = outgoing_handler::handle(request, None)?;
    pending.subscribe().block();
    let answer = pending.get().ok_or_else(|| Error::other("the answer that was waited for is not there"))?;
    let response = answer.map_err(|()| Error::other("the answer was taken already"))??;
    let body = response.consume().map_err(|()| Error::other("the body was taken already"))?;
    let mut stream = body.stream().map_err(|()| Error::other("the stream was taken already"))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok([("status", json!(response.status())), ("body", json!(text))])
}

fn request(url: &str) -> Option<OutgoingRequest> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http })).ok()?;
    request.set_authority(Some(authority)).ok()?;
    request.set_path_with_query(Some(&format!("/{path}"))).ok()?;
    Some(request)
}

kiwi_loader::loader!(load_from_source);
