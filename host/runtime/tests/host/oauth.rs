//! Tokens of OAuth 2.0: fetched once for all loads, renewed, and replaced where a server refuses them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kiwi_host::{AuthKind, CacheConfig, ClientAuth, FailureKind, Host, Limits, OAuth2, Outcome};
use serde_json::{Value, json};

use crate::auth::{asking, auth, failure, secret_in, succeed};
use crate::support::{
    Server, Setup, TokenAnswer as Answer, TokenServer, answer, assert_failure, eventually, name, refill,
};

const CLIENT_SECRET: &str = "cl1ent-s3cret/+:\u{fc}";

/// A client of this server, whose secret stands in this directory.
fn client(tokens: &TokenServer, directory: &Path) -> AuthKind {
    AuthKind::OAuth2(OAuth2::new(&tokens.url, "kiwi", secret_in(directory, CLIENT_SECRET)).unwrap())
}

/// A server that accepts the tokens that this says.
async fn api(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |head| {
        let authorization = head.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        if accepts(authorization) { answer(200, "hello") } else { answer(401, "no") }
    })
    .await
}

/// A host with one cache that asks this API with tokens from there. The status is an entry.
async fn host_of(setup: &Setup, api: &Server, kind: AuthKind) -> Host {
    let partner = auth(&[&api.origin()], kind);
    let config = asking("http_get", &api.url("/"), json!({}), &[&api.origin()], vec![partner]);
    setup.host([config]).await
}

async fn status(setup: &Setup) -> Value {
    setup.published(&name("asking")).await["status"].clone()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_by_all_loads() {
    let (api, tokens) = (
        api(|token| token == "Bearer t0ken-1").await,
        TokenServer::start(Answer::Token { expires_in: json!(3600) }).await,
    );
    let directory = tempfile::tempdir().unwrap();
    let AuthKind::OAuth2(mut oauth2) = client(&tokens, directory.path()) else { unreachable!() };
    (oauth2.scope, oauth2.audience) = (Some("prices:read all".into()), Some("https://api".into()));
    let partner = auth(&[&api.origin()], AuthKind::OAuth2(oauth2));
    // Many caches at the same time, twice.
    let cache_named = |name: &str| {
        let config = asking("http_get", &api.url("/"), json!({}), &[&api.origin()], vec![partner.clone()]);
        CacheConfig { name: name.parse().unwrap(), ..config }
    };
    let setup = Setup::new();
    let host = setup.host((0..8).map(|n| cache_named(&format!("cache-{n}")))).await;
    for _ in 0..2 {
        for (cache, outcome) in host.refill_all().await {
            assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{cache}: {outcome:?}");
        }
    }
    assert_eq!(setup.published(&name("cache-7")).await["status"], json!(200));
    assert_eq!(api.requests().len(), 16);
    let [asked] = &tokens.asked()[..] else { panic!("one request: {:?}", tokens.asked()) };
    // RFC 6749: both parts are encoded as in a form before they are joined.
    let id = BASE64_STANDARD.encode("kiwi:cl1ent-s3cret%2F%2B%3A%C3%BC");
    assert_eq!(asked.authorization.as_deref(), Some(format!("Basic {id}").as_str()));
    let form = [("grant_type", "client_credentials"), ("scope", "prices:read all"), ("audience", "https://api")];
    assert_eq!(asked.form, form.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    assert!(asked.all.starts_with("POST /token?tenant=s3cret-tenant HTTP/1.1"), "{}", asked.all);
}

#[tokio::test]
async fn a_client_may_identify_itself_in_the_body() {
    let (api, tokens) = (
        api(|token| token == "Bearer t0ken-1").await,
        TokenServer::start(Answer::Token { expires_in: json!("3600") }).await,
    );
    let directory = tempfile::tempdir().unwrap();
    let AuthKind::OAuth2(oauth2) = client(&tokens, directory.path()) else { unreachable!() };
    let mut oauth2 = oauth2;
    oauth2.client_auth = ClientAuth::Body;
    let setup = Setup::new();
    succeed(&host_of(&setup, &api, AuthKind::OAuth2(oauth2)).await).await;
    let asked = &tokens.asked()[0];
    assert_eq!((asked.form["client_id"].as_str(), asked.form["client_secret"].as_str()), ("kiwi", CLIENT_SECRET));
    assert_eq!(asked.authorization, None);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    // Half of a second is too short to be written as a whole number: what is not a number is used once.
    for (expires_in, life) in
        [(json!(2), Duration::from_secs(2)), (json!("soon"), Duration::ZERO), (json!(0), Duration::ZERO)]
    {
        let (api, tokens) = (api(|_| true).await, TokenServer::start(Answer::Token { expires_in }).await);
        let directory = tempfile::tempdir().unwrap();
        let setup = Setup::new();
        let host = host_of(&setup, &api, client(&tokens, directory.path())).await;
        let began = Instant::now();
        eventually("another token is used", async || {
            succeed(&host).await;
            api.requests().last().unwrap().headers["authorization"] == "Bearer t0ken-2"
        })
        .await;
        assert!(began.elapsed() <= life.max(Duration::from_secs(10)));
        // None was used after its life.
        let first: Vec<_> =
            api.requests().into_iter().filter(|head| head.headers["authorization"] == "Bearer t0ken-1").collect();
        assert!(first.iter().all(|head| head.at.duration_since(first[0].at) < life.max(Duration::from_secs(1))));
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let valid = Arc::new(Mutex::new("Bearer t0ken-1".to_owned()));
    let accepted = valid.clone();
    let api = api(move |token| token == *accepted.lock().unwrap()).await;
    let tokens = TokenServer::start(Answer::Token { expires_in: json!(3600) }).await;
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new();
    let host = host_of(&setup, &api, client(&tokens, directory.path())).await;
    succeed(&host).await;
    assert_eq!(status(&setup).await, json!(200));
    // It was revoked: the guest does not see that.
    *valid.lock().unwrap() = "Bearer t0ken-2".to_owned();
    succeed(&host).await;
    assert_eq!(status(&setup).await, json!(200));
    assert_eq!((api.requests().len(), tokens.asked().len()), (3, 2));
    // Where no token is good, the guest sees the answer, and the server of tokens is left alone.
    *valid.lock().unwrap() = "none".to_owned();
    for _ in 0..5 {
        succeed(&host).await;
        assert_eq!(status(&setup).await, json!(401));
    }
    assert!(tokens.asked().len() <= 3, "{}", tokens.asked().len());
}

/// A token that is new and refused is not replaced: the next one would be refused, too.
#[tokio::test]
async fn a_new_token_that_is_refused_is_not_replaced() {
    let (api, tokens) = (api(|_| false).await, TokenServer::start(Answer::Token { expires_in: json!(3600) }).await);
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new();
    succeed(&host_of(&setup, &api, client(&tokens, directory.path())).await).await;
    assert_eq!((status(&setup).await, api.requests().len(), tokens.asked().len()), (json!(401), 1, 1));
}

#[tokio::test]
async fn a_server_that_gives_no_token_is_unavailable_and_not_quoted() {
    let api = api(|_| true).await;
    let tokens = TokenServer::start(Answer::Never).await;
    let directory = tempfile::tempdir().unwrap();
    let raw = |status, body: &str| Answer::Raw { status, body: body.to_owned() };
    for (answer, says) in [
        (raw(401, r#"{"error": "invalid_client", "error_description": "s3cret"}"#), "status 401 (invalid_client)"),
        (raw(400, r#"{"error": "cl1ent s3cret <script>"}"#), "status 400; check `client_id`"),
        (raw(500, "s3cret stack trace"), "status 500"),
        (raw(302, ""), "status 302: a redirect, which is not followed"),
        (raw(404, "s3cret"), "status 404; check `token_url`"),
        (raw(200, "<html>s3cret"), "expected JSON with `access_token`"),
        (raw(200, r#"{"access_token": ""}"#), "expected JSON with `access_token`"),
        (raw(200, r#"{"access_token": "s3cret\nx: y"}"#), "expected JSON with `access_token`"),
        (raw(200, r#"{"access_token": 7}"#), "expected JSON with `access_token`"),
        (raw(200, r#"{"access_token": "s3cret", "token_type": "mac"}"#), "not of the type `bearer`"),
        (Answer::Endless, "more than 65536 bytes"),
    ] {
        tokens.now_answers(answer);
        // Each in a host of its own: a failure is remembered for a second.
        let setup = Setup::new();
        let failure = failure(&host_of(&setup, &api, client(&tokens, directory.path())).await).await;
        assert_failure(&failure, FailureKind::Unavailable, &["auth `partner`: no token from http://127.0.0.1:", says]);
        let text = format!("{failure:?}");
        assert!(!text.contains("s3cret") && !text.contains("script"), "{text}");
    }
    assert!(api.requests().is_empty());

    let gone = "http://127.0.0.1:1/token";
    let away = AuthKind::OAuth2(OAuth2::new(gone, "kiwi", secret_in(directory.path(), CLIENT_SECRET)).unwrap());
    let setup = Setup::new();
    let failure = failure(&host_of(&setup, &api, away).await).await;
    assert_failure(&failure, FailureKind::Unavailable, &["auth `partner`: no token from", gone, "refused"]);
}

#[tokio::test]
async fn a_server_of_tokens_that_hangs_holds_nobody_for_long() {
    let (api, tokens) = (api(|_| true).await, TokenServer::start(Answer::Never).await);
    let directory = tempfile::tempdir().unwrap();
    let partner = auth(&[&api.origin()], client(&tokens, directory.path()));
    let cache_named = |name: &str| {
        let config = asking("http_get", &api.url("/"), json!({}), &[&api.origin()], vec![partner.clone()]);
        CacheConfig {
            name: name.parse().unwrap(),
            limits: Limits { load_timeout: Duration::from_secs(30), ..Limits::default() },
            ..config
        }
    };
    let setup = Setup::new();
    let host = setup.host((0..4).map(|n| cache_named(&format!("cache-{n}")))).await;
    let began = Instant::now();
    for (_, outcome) in host.refill_all().await {
        let Outcome::Failed(failure) = outcome else { panic!("expected a failure, got {outcome:?}") };
        assert_failure(&failure, FailureKind::Unavailable, &["auth `partner`: no token from", "no answer within 10s"]);
    }
    // All four waited for the same request.
    assert!(began.elapsed() < Duration::from_secs(19), "{:?}", began.elapsed());
    assert_eq!(tokens.asked().len(), 1);

    // A load that has less time says what it waited for.
    let brief = Limits { load_timeout: Duration::from_millis(500), ..Limits::default() };
    let config = CacheConfig { limits: brief, ..cache_named("asking") };
    let failure = failure(&setup.host([config]).await).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 500ms", "a token of auth `partner`"]);
}

/// A client's secret that was wrong, or was not there, needs no restart.
#[tokio::test]
async fn a_client_secret_is_read_whenever_a_token_is_fetched() {
    let (api, tokens) = (
        api(|_| true).await,
        TokenServer::start(Answer::Raw { status: 401, body: r#"{"error":"invalid_client"}"#.into() }).await,
    );
    let directory = tempfile::tempdir().unwrap();
    let kind = client(&tokens, directory.path());
    let file: PathBuf = directory.path().join("secret");
    std::fs::remove_file(&file).unwrap();
    let setup = Setup::new();
    let host = host_of(&setup, &api, kind).await;
    let failed = failure(&host).await;
    assert_failure(&failed, FailureKind::Unavailable, &["cannot read the client's secret", "No such file"]);
    std::fs::write(&file, "old").unwrap();
    assert_failure(&failure(&host).await, FailureKind::Unavailable, &["status 401 (invalid_client)"]);
    std::fs::write(&file, "new").unwrap();
    tokens.now_answers(Answer::Token { expires_in: json!(3600) });
    eventually("the new one is used", async || {
        matches!(refill(&host, &name("asking")).await, Outcome::Published { .. })
    })
    .await;
    let used = tokens.asked().last().unwrap().authorization.clone().unwrap();
    assert_eq!(used, format!("Basic {}", BASE64_STANDARD.encode("kiwi:new")));
}
