//! The loader `http`: several pages, `POST`, time-outs, and compressed documents.

use std::time::Duration;

use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, RETRY_AFTER};
use http::request::Parts;
use kiwi_host::{CacheConfig, Failure, FailureKind, Outcome, Settings};
use serde_json::{Value, json};

use crate::compressed::{gzip, zstd};
use crate::support::{Body, Gate, Server, Setup, answer, assert_failure, fetched, name};

/// A cache of what a server gives at this path.
fn of(server: &Server, path: &str, settings: Value) -> CacheConfig {
    let mut all = json!({ "url": server.url(path) });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    CacheConfig { settings: Settings::new(all).unwrap(), ..fetched("rows", server) }
}

async fn keys(setup: &Setup, config: CacheConfig) -> Vec<String> {
    let outcome = setup.refill(config).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    setup.published(&name("rows")).await.into_keys().collect()
}

async fn failure(config: CacheConfig) -> Failure {
    match Setup::new().refill(config).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn parameter(head: &Parts, name: &str) -> Option<usize> {
    let pairs = head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

/// Rows `n` to `n + 1` of five.
fn two_rows(n: usize) -> Vec<Value> {
    (n..(n + 2).min(5)).map(|id| json!({ "id": id, "name": format!("row {id}") })).collect()
}

const ALL: [&str; 5] = ["0", "1", "2", "3", "4"];

#[tokio::test]
async fn pages_are_found_by_the_link_header() {
    let server = Server::start(|head| {
        let offset = parameter(head, "offset").unwrap_or_default();
        let mut response = answer(200, json!(two_rows(offset)).to_string());
        if offset < 4 {
            let next = format!("</rows?limit=2>; rel=first, </rows?offset={}>; rel=\"next\"", offset + 2);
            response.headers_mut().insert(LINK, next.parse().unwrap());
        }
        response
    })
    .await;
    let setup = Setup::new();
    assert_eq!(keys(&setup, of(&server, "/rows", json!({ "key": "id", "pages": "link" }))).await, ALL);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn pages_are_found_by_a_cursor_and_by_a_url() {
    let server = Server::start(|head| {
        let after = parameter(head, "after").unwrap_or_default();
        let next = (after < 4).then_some(after + 2);
        let url = next.map(|next| format!("/rows?after={next}"));
        answer(200, json!({ "meta": { "next": next, "url": url }, "data": two_rows(after) }).to_string())
    })
    .await;
    for pages in [json!({ "cursor": "/meta/next", "parameter": "after" }), json!({ "cursor": "/meta/url" })] {
        let settings = json!({ "key": "id", "pointer": "/data", "pages": pages });
        assert_eq!(keys(&Setup::new(), of(&server, "/rows", settings)).await, ALL);
    }
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn pages_are_numbered_until_one_is_empty() {
    let server = Server::start(|head| {
        let page = parameter(head, "page").unwrap();
        answer(200, json!({ "items": two_rows(page * 2) }).to_string())
    })
    .await;
    let pages = json!({ "number": "page", "first": 0 });
    let settings =
        json!({ "key": "id", "pointer": "/items", "pages": pages, "filter": { "name": ["row 0", "row 3"] } });
    assert_eq!(keys(&Setup::new(), of(&server, "/rows?limit=2", settings.clone())).await, ["0", "3"]);
    assert_eq!(server.requests().len(), 4);

    let mut bounded = settings;
    bounded["max_pages"] = json!(2);
    assert_failure(&failure(of(&server, "/rows", bounded)).await, FailureKind::Other, &["more than 2 pages"]);
}

#[tokio::test]
async fn a_server_that_does_not_move_on_is_an_error_and_not_a_load_without_end() {
    let server = Server::start(|_| answer(200, json!({ "next": "x", "rows": [] }).to_string())).await;
    let cursor = json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/next", "parameter": "after" } });
    assert_failure(&failure(of(&server, "/", cursor)).await, FailureKind::Other, &["page 3: it is the same as page 2"]);
    let server = Server::start(|_| answer(200, r#"[{"id": 1}]"#)).await;
    let number = json!({ "key": "id", "pages": { "number": "page" } });
    assert_failure(&failure(of(&server, "/", number)).await, FailureKind::Other, &["page 2: it is the same as page 1"]);
}

#[tokio::test]
async fn a_page_that_is_refused_says_when_to_come_back() {
    let server = Server::start(|head| {
        if parameter(head, "page") == Some(1) {
            return answer(200, r#"[{"id": 1}]"#);
        }
        let mut response = answer(429, "slow down");
        response.headers_mut().insert(RETRY_AFTER, "70".parse().unwrap());
        response
    })
    .await;
    let told = failure(of(&server, "/", json!({ "key": "id", "pages": { "number": "page" } }))).await;
    assert_failure(&told, FailureKind::Unavailable, &["page 2: ", "429"]);
    assert_eq!(told.retry_after, Some(Duration::from_secs(70)));
}

#[tokio::test]
async fn the_headers_stay_with_the_server() {
    let other = Server::start(|_| answer(200, "[]")).await;
    let next = format!("<{}>; rel=next", other.url("/rows"));
    let server = Server::start(move |_| {
        let mut response = answer(200, r#"[{"id": 1}]"#);
        response.headers_mut().insert(LINK, next.parse().unwrap());
        response
    })
    .await;
    let settings = json!({ "key": "id", "pages": "link", "headers": { "Authorization": "s3cret" } });
    let mut config = of(&server, "/", settings);
    config.grants.http.push(other.origin().parse().unwrap());
    let told = failure(config).await;
    assert_failure(&told, FailureKind::Denied, &[&other.origin(), "change `url` to that server"]);
    assert!(!told.message.contains("s3cret"), "{told}");
    assert_eq!(other.requests().len(), 0);
}

/// A page says that it is the only one, and its ETag is of all that it says.
#[tokio::test]
async fn the_only_page_is_not_sent_again_if_it_has_not_changed() {
    let server = Server::start(|head| {
        if head.headers.contains_key(IF_NONE_MATCH) {
            return answer(304, "");
        }
        let mut response = answer(200, r#"{"next": null, "rows": [{"id": 1}]}"#);
        response.headers_mut().insert(ETAG, "\"v1\"".parse().unwrap());
        response
    })
    .await;
    let (setup, rows) = (Setup::new(), json!({ "key": "id", "pointer": "/rows" }));
    for (pages, is_asked) in [(json!({ "cursor": "/next" }), true), (json!("link"), false)] {
        let mut settings = rows.clone();
        settings["pages"] = pages;
        let config = of(&server, "/", settings);
        setup.refill(config.clone()).await;
        assert!(matches!(setup.refill(config).await, Outcome::Unchanged { entries: 1, .. }));
        assert_eq!(server.requests().last().unwrap().headers.contains_key(IF_NONE_MATCH), is_asked);
    }
}

#[tokio::test]
async fn a_post_is_sent_with_its_body() {
    let server = Server::start(|head| {
        let length = head.headers["content-length"].to_str().unwrap();
        let json = head.headers[CONTENT_TYPE] == "application/json";
        answer(200, json!({ "seen": { "method": head.method.as_str(), "length": length, "json": json } }).to_string())
    })
    .await;
    let (setup, body) = (Setup::new(), json!({ "query": "{ countries { code } }" }));
    let config = of(&server, "/graphql", json!({ "method": "POST", "body": body }));
    assert_eq!(keys(&setup, config).await, ["seen"]);
    let length = body.to_string().len().to_string();
    let expected = json!({ "method": "POST", "length": length, "json": true });
    assert_eq!(setup.published(&name("rows")).await["seen"], expected);
}

#[tokio::test]
async fn a_server_that_is_too_slow_is_unavailable() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| held.holds("{}")).await;
    let told = failure(of(&server, "/", json!({ "timeout": "200ms" }))).await;
    assert_failure(&told, FailureKind::Unavailable, &["the response stopped for 200ms"]);
    gate.open();
}

/// A file on a server is unpacked by the loader, a compressed response by the host, and not twice.
#[tokio::test]
async fn a_compressed_document_is_unpacked() {
    const TABLE: &[u8] = b"iata,name\nFR,Ryanair\n";
    fn packed(head: &Parts) -> Response<Body> {
        let body = if head.uri.path().contains("zst") { zstd(TABLE, 23) } else { gzip(TABLE) };
        let mut response = answer(200, body);
        let headers = response.headers_mut();
        if head.uri.path().starts_with("/encoded") {
            headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
            headers.insert(CONTENT_TYPE, "text/csv".parse().unwrap());
        } else {
            headers.insert(CONTENT_TYPE, "application/gzip".parse().unwrap());
        }
        response
    }
    let server = Server::start(packed).await;
    for path in ["/a.csv.gz", "/a.csv.zst", "/download?id=7", "/encoded/a.csv.gz", "/encoded/a.csv"] {
        let config = of(&server, path, json!({ "format": "csv", "key": "iata" }));
        assert_eq!(keys(&Setup::new(), config).await, ["FR"], "{path}");
    }
}
