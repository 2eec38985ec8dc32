//! Compressed responses: what arrives, and what a hostile server can make the host hold.

use std::io::Write;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use kiwi_host::{CacheConfig, FailureKind, Grants, Limits, Outcome};
use serde_json::{Value, json};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use crate::support::{Body, Server, Setup, answer, assert_failure, attack, cache, guest, name};

fn packed(coding: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = answer(200, body);
    response.headers_mut().insert(CONTENT_ENCODING, coding.parse().unwrap());
    response
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// With a window of `2^lgwin` bytes; above 24, with the extension "large window".
fn brotli(text: &[u8], lgwin: i32) -> Vec<u8> {
    let params = BrotliEncoderParams { quality: 5, lgwin, large_window: lgwin > 24, ..BrotliEncoderParams::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*text, &mut packed, &params).unwrap();
    packed
}

/// With a window of `2^window_log` bytes.
pub(crate) fn zstd(text: &[u8], window_log: u32) -> Vec<u8> {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(1)).unwrap();
    context.set_parameter(CParameter::WindowLog(window_log)).unwrap();
    let mut packed = vec![0; text.len() + 1024];
    let mut output = OutBuffer::around(&mut packed[..]);
    // In a stream the length of the text is not known at its beginning, so that the window is the one asked for.
    context.compress_stream(&mut output, &mut InBuffer::around(text)).unwrap();
    assert_eq!(context.end_stream(&mut output).unwrap(), 0);
    let length = output.pos();
    packed.truncate(length);
    packed
}

/// A text of this length that does not repeat itself at once.
fn text(length: usize) -> Vec<u8> {
    (0..)
        .flat_map(|n: u64| format!("{n} {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes())
        .take(length)
        .collect()
}

fn get(server: &Server) -> CacheConfig {
    let grants = Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() };
    CacheConfig { grants, ..cache("attacked", guest("http_get"), json!({ "url": server.url("/") })) }
}

/// What a guest sees of a body that is sent like this.
async fn seen(coding: &'static str, body: Vec<u8>) -> Value {
    let server = Server::start(move |_| packed(coding, body.clone())).await;
    let setup = Setup::new();
    let outcome = setup.refill(get(&server)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{coding}: {outcome:?}");
    json!(setup.published(&name("attacked")).await)
}

async fn failure(coding: &'static str, body: Vec<u8>, limits: Limits) -> kiwi_host::Failure {
    let server = Server::start(move |_| packed(coding, body.clone())).await;
    attack(CacheConfig { limits, ..get(&server) }).await
}

#[tokio::test]
async fn every_coding_arrives_whole() {
    let text = text(3_000_000);
    let (first, second) = text.split_at(1_000_000);
    for (coding, body) in [
        ("gzip", gzip(&text)),
        ("x-gzip", gzip(&text)),
        ("gzip", [gzip(first), gzip(second)].concat()),
        ("br", brotli(&text, 22)),
        ("BR", brotli(&text, 24)),
        ("zstd", zstd(&text, 21)),
        ("zstd", [zstd(first, 23), zstd(second, 10)].concat()),
    ] {
        let seen = seen(coding, body).await;
        assert_eq!((&seen["bytes"], &seen["body"]), (&json!(3_000_000), &json!(str(&text[..64 << 10]))), "{coding}");
        let headers = seen["headers"].as_object().unwrap();
        for left_out in [CONTENT_ENCODING, CONTENT_LENGTH] {
            assert!(!headers.contains_key(left_out.as_str()), "{coding}: {headers:?}");
        }
    }
}

fn str(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_empty_body_is_valid_in_every_coding() {
    for coding in ["gzip", "br", "zstd"] {
        assert_eq!(seen(coding, Vec::new()).await["bytes"], json!(0), "{coding}");
    }
    assert_eq!(seen("br", brotli(b"", 22)).await["bytes"], json!(0));
    assert_eq!(seen("zstd", zstd(b"", 20)).await["bytes"], json!(0));
}

/// What was not asked for is the guest's to read.
#[tokio::test]
async fn another_coding_is_left_as_it_is() {
    for coding in ["compress", "gzip, br"] {
        let seen = seen(coding, b"raw".to_vec()).await;
        assert_eq!((&seen["body"], &seen["headers"]["content-encoding"]), (&json!("raw"), &json!(coding)));
    }
}

#[tokio::test]
async fn a_guest_may_choose_what_it_accepts() {
    let server = Server::start(|_| answer(200, "plain")).await;
    let setup = Setup::new();
    setup.refill(get(&server)).await;
    let settings = json!({ "url": server.url("/"), "headers": { "Accept-Encoding": "identity" } });
    setup.refill(CacheConfig { grants: get(&server).grants, ..cache("chosen", guest("http_get"), settings) }).await;
    let accepted = server.requests().into_iter().map(|head| head.headers["accept-encoding"].clone());
    assert_eq!(accepted.collect::<Vec<_>>(), ["gzip, br, zstd", "identity"]);
}

#[tokio::test]
async fn a_compressed_body_that_is_cut_off_is_unavailable() {
    let text = text(300_000);
    for (coding, mut body) in [("gzip", gzip(&text)), ("br", brotli(&text, 22)), ("zstd", zstd(&text, 21))] {
        body.truncate(body.len() - 5);
        let failure = failure(coding, body, Limits::default()).await;
        assert_failure(&failure, FailureKind::Unavailable, &["the response broke off", coding, "not complete"]);
    }
}

#[tokio::test]
async fn a_body_that_is_not_compressed_as_it_says_is_unavailable() {
    for coding in ["gzip", "br", "zstd"] {
        let failure = failure(coding, b"<!DOCTYPE html><html></html>".to_vec(), Limits::default()).await;
        assert_failure(&failure, FailureKind::Unavailable, &[&format!("not valid `{coding}`")]);
    }
}

/// One of these windows takes as much of the host's memory as a server likes: up to 1 GiB.
#[tokio::test]
async fn windows_larger_than_http_allows_are_refused() {
    for (coding, body) in [("br", brotli(&text(100_000), 30)), ("zstd", zstd(&text(100_000), 27))] {
        let failure = failure(coding, body, Limits::default()).await;
        assert_failure(&failure, FailureKind::Unavailable, &[coding, "larger window than HTTP allows"]);
    }
}

#[tokio::test]
async fn windows_count_as_memory_of_the_load() {
    let limits = || Limits { memory: 7 << 20, ..Limits::default() };
    for (coding, body) in [("br", brotli(&text(9 << 20), 24)), ("zstd", zstd(&text(100_000), 23))] {
        let failure = failure(coding, body, limits()).await;
        let says = ["to unpack an HTTP response", coding, "more than the 7340032 allowed", "limits.memory"];
        assert_failure(&failure, FailureKind::Limit, &says);
    }
    let server = Server::start(|_| packed("zstd", zstd(&text(100_000), 20))).await;
    let outcome = Setup::new().refill(CacheConfig { limits: limits(), ..get(&server) }).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_bomb_counts_as_what_it_unpacks_to() {
    let zeros = vec![0; 64 << 20];
    for (coding, body) in [("gzip", gzip(&zeros)), ("br", brotli(&zeros, 22)), ("zstd", zstd(&zeros, 20))] {
        assert!(body.len() < 100_000, "{} bytes", body.len());
        let limits = Limits { http_response_bytes: 300_000, ..Limits::default() };
        let failure = failure(coding, body, limits).await;
        assert_failure(&failure, FailureKind::Limit, &["more than the 300000 bytes", "limits.http_response_bytes"]);
    }
}
