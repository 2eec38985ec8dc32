//! The loader `http`: real servers, as it is shipped.

use std::io::Write;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use kiwi_host::{CacheConfig, Failure, FailureKind, Outcome, Settings};
use serde_json::{Value, json};

use crate::support::{Body, Server, Setup, answer, assert_failure, fetched, name};

const AIRLINES: &str = r#"{"FR": {"name": "Ryanair"}}"#;

/// A cache of what a server gives, with more settings than its address.
fn with_settings(server: &Server, settings: Value) -> CacheConfig {
    let mut config = fetched("rows", server);
    let mut known: Value = serde_json::from_str(&config.settings.to_json()).unwrap();
    known.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    config.settings = Settings::new(known).unwrap();
    config
}

/// What is published of this document.
async fn rows(document: &'static str, settings: Value) -> Value {
    let server = Server::start(move |_| answer(200, document)).await;
    let setup = Setup::new();
    let outcome = setup.refill(with_settings(&server, settings)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    json!(setup.published(&name("rows")).await)
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    let expected = json!({ "FR": { "iata": "FR", "rate": 1.5 } });
    assert_eq!(rows(r#"{"FR": {"iata": "FR", "rate": 1.5}}"#, json!({})).await, expected);
    assert_eq!(rows(r#"[{"iata": "FR", "rate": 1.5}]"#, json!({ "key": "iata" })).await, expected);
    let nested = r#"{"data": [{"iata": "FR", "rate": 1.5}], "more": {}}"#;
    assert_eq!(rows(nested, json!({ "key": "iata", "pointer": "/data" })).await, expected);
    let lines = "{\"iata\": \"FR\", \"rate\": 1.5}\n";
    assert_eq!(rows(lines, json!({ "format": "ndjson", "key": "iata" })).await, expected);
    let texts = json!({ "FR": { "iata": "FR", "rate": "1.5" } });
    assert_eq!(rows("iata,rate\nFR,1.5\n", json!({ "format": "csv", "key": "iata" })).await, texts);
}

/// A server whose document can be replaced, and that says 304 to the validator it gave.
fn validating(
    current: Arc<Mutex<(&'static str, &'static str)>>,
    date: bool,
) -> impl Fn(&http::request::Parts) -> Response<Body> {
    let (given, asked) = if date { (LAST_MODIFIED, IF_MODIFIED_SINCE) } else { (ETAG, IF_NONE_MATCH) };
    move |head| {
        let (validator, document) = *current.lock().unwrap();
        if !validator.is_empty() && head.headers.get(&asked).is_some_and(|asked| asked == validator) {
            return answer(304, "");
        }
        let mut response = answer(200, document);
        if !validator.is_empty() {
            response.headers_mut().insert(given.clone(), validator.parse().unwrap());
        }
        response
    }
}

#[tokio::test]
async fn a_source_that_has_not_changed_is_not_sent_again() {
    for (date, first, second) in
        [(false, "\"v1\"", "W/\"v 2\""), (true, "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT")]
    {
        let asked = if date { IF_MODIFIED_SINCE } else { IF_NONE_MATCH };
        let current = Arc::new(Mutex::new((first, AIRLINES)));
        let server = Server::start(validating(current.clone(), date)).await;
        let (setup, config) = (Setup::new(), fetched("rows", &server));

        assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
        let before = setup.head(&name("rows")).await;
        for _ in 0..2 {
            assert!(matches!(setup.refill(config.clone()).await, Outcome::Unchanged { entries: 1, .. }));
        }
        assert_eq!(setup.head(&name("rows")).await.id, before.id);
        let conditions: Vec<_> = server.requests().iter().map(|head| head.headers.get(&asked).cloned()).collect();
        assert_eq!(conditions, [None, Some(first.parse().unwrap()), Some(first.parse().unwrap())]);

        *current.lock().unwrap() = (second, r#"{"FR": {"name": "Ryanair DAC"}}"#);
        assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
        assert!(matches!(setup.refill(config.clone()).await, Outcome::Unchanged { .. }));

        // An answer without a validator clears the mark.
        *current.lock().unwrap() = ("", AIRLINES);
        assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
        assert!(matches!(setup.refill(config).await, Outcome::Unchanged { .. }));
        assert_eq!(server.requests().last().unwrap().headers.get(&asked), None);
    }
}

#[tokio::test]
async fn headers_of_the_settings_are_sent() {
    let server = Server::start(|_| answer(200, AIRLINES)).await;
    let settings = json!({ "headers": { "Authorization": "Bearer s3cret", "X-Team": "ops" } });
    let outcome = Setup::new().refill(with_settings(&server, settings)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let head = &server.requests()[0];
    assert_eq!(
        (&head.headers["authorization"], &head.headers["x-team"]),
        (&"Bearer s3cret".parse().unwrap(), &"ops".parse().unwrap())
    );
}

async fn failure(status: u16) -> Failure {
    let server = Server::start(move |_| answer(status, "no")).await;
    match Setup::new().refill(with_settings(&server, json!({ "headers": { "Authorization": "s3cret" } }))).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_status_that_is_no_success_is_the_failure_it_means() {
    for (status, kind) in [
        (401, FailureKind::Denied),
        (403, FailureKind::Denied),
        (404, FailureKind::Other),
        (410, FailureKind::Other),
        (204, FailureKind::Other),
        (429, FailureKind::Unavailable),
        (500, FailureKind::Unavailable),
        (503, FailureKind::Unavailable),
    ] {
        let told = failure(status).await;
        assert_failure(&told, kind, &["answered", &status.to_string()]);
        assert_eq!(
            told.message.contains("check the credentials") || told.message.contains("check those"),
            kind == FailureKind::Denied
        );
        assert!(!told.message.contains("s3cret"), "{told}");
    }
}

/// Not only 429 says so: GitHub and many firewalls answer 403.
#[tokio::test]
async fn a_server_that_is_asked_too_often_says_when_to_come_back() {
    for status in [403, 429, 502, 503] {
        let server = Server::start(move |_| {
            let mut response = answer(status, "slow down");
            response.headers_mut().insert("retry-after", "70".parse().unwrap());
            response
        })
        .await;
        let outcome = Setup::new().refill(fetched("rows", &server)).await;
        let Outcome::Failed(failure) = outcome else { panic!("expected a failure") };
        assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(70)), "{failure}");
    }
}

#[tokio::test]
async fn a_maintenance_page_is_told_by_what_it_is() {
    for (format, page) in [
        ("json", "<!DOCTYPE html><html>\n<h1>Back soon</h1>"),
        ("json", "We are down for maintenance."),
        ("json", ""),
        ("ndjson", "<html>"),
        ("csv", "\n<html>"),
    ] {
        let server = Server::start(move |_| {
            let mut response = answer(200, page);
            response.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
            response
        })
        .await;
        let settings = json!({ "format": format, "key": "iata" });
        let outcome = Setup::new().refill(with_settings(&server, settings)).await;
        let Outcome::Failed(failure) = outcome else { panic!("expected a failure") };
        let expected = format!(": expected {}, got text/html; charset=utf-8 (status 200)", format.to_uppercase());
        let first_line =
            page.trim().lines().next().map_or("is empty".to_owned(), |line| format!("begins with `{line}"));
        assert_failure(&failure, FailureKind::Unavailable, &[&server.origin(), &expected, &first_line]);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let server = Server::start(|_| answer(200, AIRLINES)).await;
    let config = fetched("rows", &server);
    drop(server);
    let Outcome::Failed(told) = Setup::new().refill(config).await else { panic!("expected a failure") };
    assert_failure(&told, FailureKind::Unavailable, &["no response from http://127.0.0.1:"]);
}

#[tokio::test]
async fn an_answer_may_be_compressed() {
    let server = Server::start(|_| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(AIRLINES.as_bytes()).unwrap();
        let mut response = answer(200, packed.finish().unwrap());
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let setup = Setup::new();
    setup.refill(fetched("rows", &server)).await;
    assert_eq!(json!(setup.published(&name("rows")).await).to_string(), r#"{"FR":{"name":"Ryanair"}}"#);
    let accepts = server.requests()[0].headers["accept-encoding"].clone();
    assert!(accepts.to_str().unwrap().contains("gzip"), "{accepts:?}");
}

#[tokio::test]
async fn a_document_that_is_cut_off_is_not_published() {
    let server = Server::start(|_| answer(200, r#"{"FR": {"name": "Ryanair"}, "LH": {"#)).await;
    let setup = Setup::new();
    let Outcome::Failed(told) = setup.refill(fetched("rows", &server)).await else { panic!("expected a failure") };
    assert_failure(&told, FailureKind::Other, &["cut off"]);
    assert!(setup.is_missing(&name("rows")).await);
}
