//! Posts `bytes` bytes to `url` by `wasi:http`, `requests` times at once (by default 16), and reads no response. The entry
//! `sent` is their number. If a request fails, the load fails with the same error.

use kiwi_loader::Error;
use serde::Deserialize;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

/// What one call may write.
const CHUNK: usize = 4096;

#[derive(Deserialize)]
struct Settings {
    url: String,
    bytes: usize,
    #[serde(default = "default_requests")]
    requests: usize,
}

fn default_requests() -> usize {
    16
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, usize); 1], Error> {
    let mut pending = Vec::new();
    for _ in 0..settings.requests {
        let request = request(&settings.url).ok_or_else(|| Error::invalid_settings("`url` is not a valid URL"))?;
        let body = request.body().map_err(|()| Error::other("the body was already taken"))?;
        let stream = body.write().map_err(|()| Error::other("the stream was already taken"))?;
        pending.push(outgoing_handler::handle(request, None)?);
        for _ in 0..settings.bytes / CHUNK {
            // The host closes the stream when it does not take the body: the response says why.
            if stream.blocking_write_and_flush(&[b'x'; CHUNK]).is_err() {
                break;
            }
        }
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
    let mut open = Vec::new();
    for pending in pending {
        pending.subscribe().block();
        let response = pending.get().ok_or_else(|| Error::other("there is no response after waiting for it"))?;
        open.push(response.map_err(|()| Error::other("the response was already taken"))??);
    }
    Ok([("sent", open.len())])
}

fn request(url: &str) -> Option<OutgoingRequest> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Post).ok()?;
    request.set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http })).ok()?;
    request.set_authority(Some(authority)).ok()?;
    request.set_path_with_query(Some(&format!("/{path}"))).ok()?;
    Some(request)
}

kiwi_loader::loader!(load_from_source);
