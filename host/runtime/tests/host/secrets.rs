//! Secrets that a guest sends without seeing them: `${secret:NAME}` in the value of a header.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::LOCATION;
use kiwi_host::{CacheConfig, Failure, FailureKind, Grants, Outcome, SecretGrant, SecretSource};
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{
    Body, Server, Setup, answer, assert_failure, attack, cache, guest, log_of, name, raw_server, refill,
};

const SECRET: &str = "s3cret/t0ken+of=the \"api\"";

fn grants(http: &[&str], secrets: Vec<SecretGrant>) -> Grants {
    Grants { http: http.iter().map(|grant| grant.parse().unwrap()).collect(), secrets, ..Grants::default() }
}

/// The secret `token`, which stands in this file, for these origins.
fn token(file: &Path, origins: &[&str]) -> SecretGrant {
    let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    SecretGrant { name: "token".into(), source: SecretSource::File(file.into()), origins }
}

/// A cache of a guest that sends these headers.
fn sending(guest_name: &str, url: &str, headers: Value, grants: Grants) -> CacheConfig {
    CacheConfig { grants, ..cache("attacked", guest(guest_name), json!({ "url": url, "headers": headers })) }
}

fn failed(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[track_caller]
fn is_published(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
}

/// Ways out that a guest has.
const DOORS: [&str; 2] = ["http_get", "raw_wasi_http"];

#[tokio::test]
async fn a_placeholder_is_a_secret_only_on_the_wire() {
    for door in DOORS {
        let server = Server::start(|_| answer(200, "hello")).await;
        let setup = Setup::new();
        let file = setup.path().join("token");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let headers =
            json!({ "authorization": "Bearer ${secret:token}", "x-twice": "${secret:token}-${secret:token}" });
        let grants = grants(&[&server.origin()], vec![token(&file, &[&server.origin()])]);
        is_published(&setup.refill(sending(door, &server.url("/"), headers, grants)).await);
        let head = &server.requests()[0];
        assert_eq!(head.headers["authorization"], format!("Bearer {SECRET}"), "{door}");
        assert_eq!(head.headers["x-twice"], format!("{SECRET}-{SECRET}"), "{door}");
        let published = json!(setup.published(&name("attacked")).await).to_string();
        assert!(!published.contains("s3cret"), "{published}");
    }
}

#[tokio::test]
async fn a_secret_goes_only_where_it_is_granted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, SECRET).unwrap();
    for door in DOORS {
        let server = Server::start(|_| answer(200, "hello")).await;
        let headers = json!({ "x-key": "${secret:token}" });
        let origin = server.origin();
        let elsewhere = token(&file, &["https://api.example.com", "https://127.0.0.1:1"]);
        for (secrets, advice) in [
            (vec![], format!("add `secrets = {{ token = [\"{origin}\"] }}` to this cache's grants")),
            (vec![elsewhere], format!("add `\"{origin}\"` to `secrets.token` in this cache's grants")),
            (
                vec![SecretGrant { name: "other".into(), ..token(&file, &[&origin]) }],
                format!("add `secrets = {{ token = [\"{origin}\"] }}`"),
            ),
        ] {
            let grants = grants(&[&origin], secrets);
            let failure = attack(sending(door, &server.url("/"), headers.clone(), grants)).await;
            let says = [&format!("the secret `token` is not granted for `{origin}`"), &*advice];
            assert_failure(&failure, FailureKind::Denied, &says);
        }
        assert!(server.requests().is_empty());
    }
}

/// The grant of a secret is no grant of requests.
#[tokio::test]
async fn a_secret_alone_opens_no_host() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, SECRET).unwrap();
    let grants = grants(&[], vec![token(&file, &[&server.origin()])]);
    let config = sending("http_get", &server.url("/"), json!({ "x-key": "${secret:token}" }), grants);
    assert_failure(&attack(config).await, FailureKind::Denied, &["no grant for", &server.origin(), "http = ["]);
    assert!(server.requests().is_empty());
}

fn redirect(status: u16, to: &str) -> http::Response<Body> {
    let mut response = answer(status, "");
    response.headers_mut().insert(LOCATION, to.parse().unwrap());
    response
}

#[tokio::test]
async fn each_redirect_is_judged_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, SECRET).unwrap();
    for door in DOORS {
        let other = Server::start(|_| answer(200, "here")).await;
        let target = other.url("/");
        let server = Server::start(move |head| match head.uri.path() {
            "/" => redirect(307, "/there"),
            "/there" => redirect(302, &target),
            _ => answer(200, "here"),
        })
        .await;
        let send = |headers: Value, origins: &[&str]| {
            let grants = grants(&[&server.origin(), &other.origin()], vec![token(&file, origins)]);
            sending(door, &server.url("/"), headers, grants)
        };
        // Within the server it is sent again. To another one no header goes that may hold a secret.
        let both = [&*server.origin(), &*other.origin()];
        let authorization = json!({ "authorization": "Bearer ${secret:token}" });
        is_published(&Setup::new().refill(send(authorization, &both)).await);
        let sent: Vec<_> = server.requests().iter().map(|head| head.headers["authorization"].clone()).collect();
        assert_eq!(sent, [format!("Bearer {SECRET}").as_str(); 2]);
        assert_eq!(other.requests()[0].headers.get("authorization"), None);

        // A header that goes along is judged anew.
        let agent = json!({ "user-agent": "kiwi ${secret:token}" });
        let failure = attack(send(agent.clone(), &[&server.origin()])).await;
        let says = ["redirects to", &other.origin(), "the secret `token` is not granted for"];
        assert_failure(&failure, FailureKind::Denied, &says);
        assert_eq!(other.requests().len(), 1);
        is_published(&Setup::new().refill(send(agent, &both)).await);
        assert_eq!(other.requests()[1].headers["user-agent"], format!("kiwi {SECRET}"));
    }
}

#[tokio::test]
async fn only_the_value_of_a_header_is_filled() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cret").unwrap();
    let (address, _echo) = raw_server(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut request, mut read) = (vec![0; 4096], 0);
        // The head and the body come in one or two pieces.
        while !request[..read].ends_with(b"end}") {
            read += stream.read(&mut request[read..]).await.unwrap();
        }
        let body = String::from_utf8_lossy(&request[..read]).into_owned();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    })
    .await;
    let origin = format!("http://{address}");
    let settings = |headers: Value| {
        json!({ "url": format!("{origin}/${{secret:token}}?q=${{secret:token}}"), "body": "${secret:token}${end}",
                "headers": headers })
    };
    let grants = grants(&[&origin], vec![token(&file, &[&origin])]);
    let config = |headers: Value| CacheConfig {
        grants: grants.clone(),
        ..cache("attacked", guest("http_get"), settings(headers))
    };
    let setup = Setup::new();
    // What comes out of a placeholder is not looked at again.
    std::fs::write(&file, "s3cret ${secret:token}").unwrap();
    is_published(&setup.refill(config(json!({ "x-key": "${secret:token}" }))).await);
    let seen = setup.published(&name("attacked")).await["body"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "POST /$%7Bsecret:token%7D?q=${secret:token} HTTP/1.1", "{seen}");
    assert!(lines.contains(&"x-key: s3cret ${secret:token}"), "{seen}");
    assert_eq!(lines.last(), Some(&"${secret:token}${end}"), "{seen}");
    assert_eq!(seen.matches("s3cret").count(), 1, "{seen}");

    for (header, value, says) in [
        ("${secret:token}", "x", "is not a valid header name"),
        ("x-key", "${secret:${secret:token}}", "without a name and a `}` behind it"),
        ("x-key", "${secret:token", "without a name and a `}` behind it"),
        ("x-key", "${secret:to ken}", "such as `${secret:api_token}`"),
    ] {
        let failure = attack(config(json!({ header: value }))).await;
        assert_failure(&failure, FailureKind::InvalidSettings, &[says]);
    }
}

#[tokio::test]
async fn a_secret_that_is_no_header_is_not_sent_and_not_shown() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    for door in DOORS {
        for bad in ["s3cret\r\nx-injected: 1", "s3cret\nx-injected: 1", "s3cret\0", "s3cret\u{7f}"] {
            std::fs::write(&file, bad).unwrap();
            let grants = grants(&[&server.origin()], vec![token(&file, &[&server.origin()])]);
            let config = sending(door, &server.url("/"), json!({ "x-key": "${secret:token}" }), grants);
            let failure = attack(config).await;
            let text = format!("{failure:?}");
            assert!(!text.contains("s3cret") && !text.contains("injected"), "{text}");
            assert_failure(
                &failure,
                FailureKind::InvalidSettings,
                &["the header `x-key`", "the secret `token`", "not one line of text"],
            );
        }
    }
    // Many placeholders do not make a header of gigabytes.
    std::fs::write(&file, "s3cret!!".repeat(1000)).unwrap();
    let grants = grants(&[&server.origin()], vec![token(&file, &[&server.origin()])]);
    let flood = sending("http_get", &server.url("/"), json!({ "x-key": "${secret:token}".repeat(3000) }), grants);
    assert_failure(&attack(flood).await, FailureKind::InvalidSettings, &["headers have more than 65536 bytes"]);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_secret_is_read_for_each_load() {
    for door in DOORS {
        let server = Server::start(|_| answer(200, "hello")).await;
        let setup = Setup::new();
        let file = setup.path().join("token");
        let grants = grants(&[&server.origin()], vec![token(&file, &[&server.origin()])]);
        let config = sending(door, &server.url("/"), json!({ "x-key": "${secret:token}" }), grants);
        let host = setup.host([config]).await;
        let attacked = name("attacked");

        // It may be on its way. By wasi:http a guest learns no reason, and the failure says it all the same.
        let failure = failed(refill(&host, &attacked).await);
        let says = ["cannot read the secret `token`", &file.display().to_string(), "No such file"];
        assert_failure(&failure, FailureKind::Unavailable, &says);
        std::fs::write(&file, "").unwrap();
        let failure = failed(refill(&host, &attacked).await);
        assert_failure(&failure, FailureKind::Unavailable, &["cannot read the secret `token`", "is empty"]);
        assert!(server.requests().is_empty());

        for secret in ["the first", "the second"] {
            std::fs::write(&file, secret).unwrap();
            let outcome = refill(&host, &attacked).await;
            assert!(!matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
            assert_eq!(server.requests().last().unwrap().headers["x-key"], secret);
        }
    }
}

#[tokio::test]
async fn a_secret_comes_from_the_environment() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let config = |variable: &str| {
        let source = SecretSource::Env(variable.into());
        let secret = SecretGrant { name: "token".into(), source, origins: vec![server.origin().parse().unwrap()] };
        let grants = grants(&[&server.origin()], vec![secret]);
        sending("http_get", &server.url("/"), json!({ "x-key": "${secret:token}" }), grants)
    };
    is_published(&Setup::new().refill(config("CARGO_MANIFEST_DIR")).await);
    assert_eq!(server.requests()[0].headers["x-key"], env!("CARGO_MANIFEST_DIR"));
    let failure = attack(config("KIWI_TEST_NEVER_SET")).await;
    let says = ["cannot read the secret `token`", "the environment variable `KIWI_TEST_NEVER_SET` is not set"];
    assert_failure(&failure, FailureKind::Unavailable, &says);
}

/// A named pipe that nobody writes to hangs whoever reads it, as a lost mount does.
#[tokio::test]
async fn a_secret_that_cannot_be_read_in_time_ends_the_load() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let setup = Setup::new();
    let pipe = setup.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let grants = grants(&[&server.origin()], vec![token(&pipe, &[&server.origin()])]);
    let mut config = sending("http_get", &server.url("/"), json!({ "x-key": "${secret:token}" }), grants);
    config.limits.load_timeout = std::time::Duration::from_millis(500);
    let host = setup.host([config]).await;
    for _ in 0..3 {
        let failure = failed(refill(&host, &name("attacked")).await);
        assert_failure(&failure, FailureKind::Limit, &["longer than 500ms", "waiting for the secret `token`"]);
    }
    // One thread hangs, and not one for each load.
    std::fs::write(&pipe, "s3cret").unwrap();
    assert!(server.requests().is_empty());
}

/// A server that sends back what it got gives a guest its secret. The host removes it from what the guest says then.
#[tokio::test]
async fn a_secret_that_comes_back_is_removed_from_what_the_guest_says() {
    let server = Server::start(|head| {
        let key = head.headers["x-key"].to_str().unwrap();
        let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let basic = BASE64_STANDARD.encode(format!("user:{key}"));
        answer(200, format!("<{key}> {key:?} {encoded} {} {basic} end", json!({ "x-key": key })))
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, SECRET).unwrap();
    let leaking = |by: &str, padding: usize| {
        let settings = json!({ "url": server.url("/"), "headers": { "x-key": "${secret:token}" }, "by": by,
                               "padding": padding });
        let grants = grants(&[&server.origin()], vec![token(&file, &[&server.origin()])]);
        // Its log needs a name of its own.
        CacheConfig { grants, ..cache(&format!("leaks-{by}-{padding}"), guest("leaks"), settings) }
    };
    let middle = BASE64_STANDARD.encode(&SECRET[2..]);
    let clean = |text: &str| {
        assert!(!text.contains("s3cret") && !text.contains("t0ken") && !text.contains(&middle[..20]), "{text}");
    };
    for padding in [0, 1000, 8180] {
        for by in ["log", "stdout", "stderr"] {
            let config = leaking(by, padding);
            is_published(&Setup::new().refill(config.clone()).await);
            let lines = log_of(&config.name);
            lines.iter().for_each(|line| clean(&line.message));
            let said = lines.iter().filter(|line| line.level <= Level::INFO && line.message.contains("***")).count();
            assert!(said > 0, "{by} {padding}: {lines:#?}");
        }
        // The store keeps the same message.
        for by in ["fail", "panic"] {
            let failure = attack(leaking(by, padding)).await;
            clean(&format!("{failure:?}"));
            if padding == 0 {
                assert!(failure.message.contains("***") && failure.message.contains("end"), "{failure}");
            }
        }
    }
}
