//! Where a guest may go on the network, and what a server can do to it: each refusal names the
//! address and the grant that would allow it.

use std::time::Duration;

use http::header::LOCATION;
use kiwi_host::{CacheConfig, FailureKind, Grants, Limits, Outcome};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Server, Setup, answer, assert_failure, attack, cache, endless, guest, name, raw_server, trickle};

fn http(grants: &[&str]) -> Grants {
    Grants { http: grants.iter().map(|grant| grant.parse().unwrap()).collect(), ..Grants::default() }
}

fn get(url: &str, grants: &[&str]) -> CacheConfig {
    CacheConfig { grants: http(grants), ..cache("attacked", guest("http_get"), json!({ "url": url })) }
}

fn brief() -> Limits {
    Limits { load_timeout: Duration::from_secs(2), ..Limits::default() }
}

#[tokio::test]
async fn a_granted_address_answers() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let setup = Setup::new();
    let outcome = setup.refill(get(&server.url("/greeting"), &[&server.origin()])).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let published = setup.published(&name("attacked")).await;
    assert_eq!(published["body"], json!("hello"));
    assert_eq!(published["url"], json!(server.url("/greeting")));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_host_without_a_grant_is_denied() {
    let server = Server::start(|_| answer(200, "secret")).await;
    let failure = attack(get(&server.url("/?token=s3cret"), &["https://api.example.com"])).await;
    let grant = format!("add `http = [\"{}\"]`", server.origin());
    assert_failure(&failure, FailureKind::Denied, &["no grant for", &grant]);
    assert!(!failure.message.contains("s3cret"), "{failure}");
    assert!(server.requests().is_empty());
}

/// A grant of every name is no grant of this machine: the address counts, not what led to it.
#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_denied() {
    let server = Server::start(|_| answer(200, "secret")).await;
    let port = server.port();
    let failure = attack(get(&format!("http://localhost:{port}/"), &["*://*:*"])).await;
    assert_failure(
        &failure,
        FailureKind::Denied,
        &["`localhost` resolves to", "not an address of the public internet", "add `http = [\"http://"],
    );

    let failure = attack(get(&server.url("/"), &["*://*:*"])).await;
    assert_failure(&failure, FailureKind::Denied, &[&server.origin()]);
    assert!(server.requests().is_empty());

    let setup = Setup::new();
    let named = setup.refill(get(&format!("http://localhost:{port}/"), &[&format!("http://localhost:{port}")])).await;
    assert!(matches!(named, Outcome::Published { .. }), "{named:?}");
}

#[tokio::test]
async fn a_redirect_is_checked_as_the_first_request_was() {
    let outside = Server::start(|_| answer(200, "secret")).await;
    let target = outside.url("/inside");
    let server = Server::start(move |_| redirect(302, &target)).await;
    let failure = attack(get(&server.url("/"), &[&server.origin()])).await;
    let says = [
        format!("{} redirects to {}: ", server.url("/"), outside.url("/inside")),
        format!("no grant for `{}`", outside.origin()),
    ];
    assert_failure(&failure, FailureKind::Denied, &[&says[0], &says[1]]);
    assert_eq!((server.requests().len(), outside.requests().len()), (1, 0));

    let setup = Setup::new();
    let outcome = setup.refill(get(&server.url("/"), &[&server.origin(), &outside.origin()])).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    assert_eq!(setup.published(&name("attacked")).await["url"], json!(outside.url("/inside")));
}

#[tokio::test]
async fn a_redirect_carries_no_secrets_to_another_server() {
    let other = Server::start(|_| answer(200, "here")).await;
    let target = other.url("/");
    let server = Server::start(move |_| redirect(307, &target)).await;
    let settings = json!({ "url": server.url("/"), "headers": { "authorization": "Bearer s3cret", "x-api-key": "s3cret", "accept": "text/plain" } });
    let grants = http(&[&server.origin(), &other.origin()]);
    let outcome = Setup::new().refill(CacheConfig { grants, ..cache("attacked", guest("http_get"), settings) }).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer s3cret");
    let head = &other.requests()[0];
    assert!(head.headers.get("authorization").is_none() && head.headers.get("x-api-key").is_none(), "{head:?}");
    assert_eq!(head.headers["accept"], "text/plain");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_says_what_led_there() {
    let outside = Server::start(|_| answer(200, "secret")).await;
    let target = format!("http://localhost:{}/inside", outside.port());
    let to = target.clone();
    let server = Server::start(move |_| redirect(302, &to)).await;
    let failure = attack(get(&server.url("/"), &[&server.origin(), "*://*:*"])).await;
    let redirects = format!("{} redirects to {target}: `localhost` resolves to ", server.url("/"));
    assert_failure(&failure, FailureKind::Denied, &[&redirects, "not an address of the public internet"]);
    assert!(outside.requests().is_empty());
}

/// A body is as secret as the headers are: it may hold a password or a query.
#[tokio::test]
async fn a_redirect_carries_no_body_to_another_server() {
    for status in [307, 308] {
        let other = Server::start(|_| answer(200, "here")).await;
        let target = other.url("/?key=s3cret");
        let server = Server::start(move |_| redirect(status, &target)).await;
        let grants = [&*server.origin(), &*other.origin()];
        let posted = |body: &str| {
            let settings = json!({ "url": server.url("/"), "body": body });
            CacheConfig { grants: http(&grants), ..cache("attacked", guest("http_get"), settings) }
        };
        let failure = attack(posted("s3cret")).await;
        let says =
            ["redirects to", &other.url("/"), &format!("status {status}"), "another server", "is not sent there"];
        assert_failure(&failure, FailureKind::Denied, &says);
        assert!(other.requests().is_empty() && !failure.message.contains("s3cret"), "{failure}");
        // Without a body there is nothing to keep back.
        let outcome = Setup::new().refill(posted("")).await;
        assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_within_a_server_keeps_the_body() {
    let server =
        Server::start(|head| if head.uri.path() == "/" { redirect(307, "/there") } else { answer(200, "") }).await;
    let settings = json!({ "url": server.url("/"), "body": "kept" });
    let grants = http(&[&server.origin()]);
    let outcome = Setup::new().refill(CacheConfig { grants, ..cache("attacked", guest("http_get"), settings) }).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let lengths: Vec<_> = server.requests().iter().map(|head| head.headers["content-length"].clone()).collect();
    assert_eq!(lengths, ["4", "4"]);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let server = Server::start(|_| answer(200, "here")).await;
    let headers: serde_json::Map<String, serde_json::Value> =
        (0..40_000).map(|n| (format!("x-{n}"), json!("1"))).collect();
    let settings = json!({ "url": server.url("/"), "headers": headers });
    let failure =
        attack(CacheConfig { grants: http(&[&server.origin()]), ..cache("attacked", guest("http_get"), settings) })
            .await;
    assert_failure(&failure, FailureKind::InvalidSettings, &["more than 100 headers"]);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::start(|_| redirect(302, "/again")).await;
    let failure = attack(get(&server.url("/"), &[&server.origin()])).await;
    assert_failure(&failure, FailureKind::Unavailable, &["more than 10 redirects", &server.url("/again")]);
    assert_eq!(server.requests().len(), 11);
}

fn redirect(status: u16, to: &str) -> http::Response<crate::support::Body> {
    let mut response = answer(status, "");
    response.headers_mut().insert(LOCATION, to.parse().unwrap());
    response
}

#[tokio::test]
async fn a_head_that_never_comes_is_given_up() {
    let (address, _silent) = raw_server(|mut stream| async move {
        // Reads until the client goes away, and says nothing.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let settings = json!({ "url": format!("http://{address}/"), "timeout_ms": 300 });
    let grants = http(&[&format!("http://{address}")]);
    let failure = attack(CacheConfig { grants, ..cache("attacked", guest("http_get"), settings) }).await;
    assert_failure(&failure, FailureKind::Unavailable, &[&format!("no response from http://{address}/ within 300ms")]);
}

#[tokio::test]
async fn a_head_that_trickles_is_given_up() {
    let (address, _slow) = raw_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let head = b"HTTP/1.1 200 OK\r\nx-padding: ";
        let mut sent = stream.write_all(head).await;
        while sent.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sent = stream.write_all(b"x").await;
        }
    })
    .await;
    let settings = json!({ "url": format!("http://{address}/"), "timeout_ms": 300 });
    let grants = http(&[&format!("http://{address}")]);
    let failure = attack(CacheConfig { grants, ..cache("attacked", guest("http_get"), settings) }).await;
    assert_failure(&failure, FailureKind::Unavailable, &["no response from", "within 300ms"]);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let (address, _stuck) = raw_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly the beginning").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let settings = json!({ "url": format!("http://{address}/"), "timeout_ms": 3_000 });
    let grants = http(&[&format!("http://{address}")]);
    let failure = attack(CacheConfig { grants, ..cache("attacked", guest("http_get"), settings) }).await;
    assert_failure(&failure, FailureKind::Unavailable, &["the response stopped for 3s"]);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_unavailable() {
    let (address, _broken) = raw_server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly the beginning").await;
    })
    .await;
    let failure = attack(get(&format!("http://{address}/"), &[&format!("http://{address}")])).await;
    assert_failure(&failure, FailureKind::Unavailable, &["the response broke off"]);
}

#[tokio::test]
async fn a_body_that_trickles_ends_at_the_load_timeout() {
    let server = Server::start(|_| trickle(Duration::from_millis(20))).await;
    let failure = attack(CacheConfig { limits: brief(), ..get(&server.url("/"), &[&server.origin()]) }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 2s", "limits.load_timeout"]);
}

#[tokio::test]
async fn a_body_without_end_is_too_large() {
    let server = Server::start(|_| endless()).await;
    let limits = Limits { http_response_bytes: 300_000, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..get(&server.url("/"), &[&server.origin()]) }).await;
    let says = ["more than the 300000 bytes allowed", "limits.http_response_bytes"];
    assert_failure(&failure, FailureKind::Limit, &says);
}

#[tokio::test]
async fn only_so_many_responses_are_open() {
    let server = Server::start(|_| endless()).await;
    let limits = Limits { open_responses: 3, ..Limits::default() };
    let config = cache("attacked", guest("open_responses"), json!({ "url": server.url("/") }));
    let failure = attack(CacheConfig { limits, grants: http(&[&server.origin()]), ..config }).await;
    assert_failure(&failure, FailureKind::Limit, &["holds 3 HTTP responses open", "limits.open_responses"]);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn wasi_http_goes_through_the_same_door() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let raw = |url: String, grants: &[&str]| {
        let config = cache("attacked", guest("raw_wasi_http"), json!({ "url": url }));
        CacheConfig { grants: http(grants), ..config }
    };
    let failure = attack(raw(server.url("/"), &["https://api.example.com"])).await;
    assert_failure(&failure, FailureKind::Denied, &[&format!("no grant for `{}`", server.origin())]);
    let failure = attack(raw(format!("http://localhost:{}/", server.port()), &["*://*:*"])).await;
    assert_failure(&failure, FailureKind::Denied, &["`localhost` resolves to"]);
    assert!(server.requests().is_empty());

    let setup = Setup::new();
    let outcome = setup.refill(raw(server.url("/"), &[&server.origin()])).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    assert_eq!(json!(setup.published(&name("attacked")).await), json!({ "status": 200, "body": "hello" }));
}

#[tokio::test]
async fn wasi_http_has_the_same_limits() {
    let server = Server::start(|_| endless()).await;
    let config = cache("attacked", guest("raw_wasi_http"), json!({ "url": server.url("/") }));
    let limits = Limits { http_response_bytes: 300_000, ..Limits::default() };
    let failure = attack(CacheConfig { limits, grants: http(&[&server.origin()]), ..config.clone() }).await;
    assert_failure(&failure, FailureKind::Limit, &["more than the 300000 bytes", "limits.http_response_bytes"]);

    let limits = Limits { open_responses: 0, ..Limits::default() };
    let failure = attack(CacheConfig { limits, grants: http(&[&server.origin()]), ..config }).await;
    assert_failure(&failure, FailureKind::Limit, &["holds 0 HTTP responses open", "limits.open_responses"]);
}

/// A grant of HTTP is no grant of a socket.
#[tokio::test]
async fn there_are_no_sockets() {
    let (address, listening) = raw_server(|_| async { panic!("a guest has connected") }).await;
    let config = cache("attacked", guest("sockets"), json!({ "address": address.to_string() }));
    let failure = attack(CacheConfig { grants: http(&[&format!("http://{address}"), "*://*:*"]), ..config }).await;
    let says = ["tried to open a socket", "never granted", "add `http = [\"https://...\"]`", &address.to_string()];
    assert_failure(&failure, FailureKind::Denied, &says);
    assert!(!listening.is_finished());

    let named = cache("attacked", guest("sockets"), json!({ "address": "api.example.com:443" }));
    let says = ["a socket to `api.example.com`", "never granted", "add `http = [\"https://api.example.com\"]`"];
    assert_failure(&attack(named).await, FailureKind::Denied, &says);
}
