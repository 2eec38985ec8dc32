//! The host authenticates, and the guest sees nothing of it. Tokens of OAuth 2.0 are in `oauth.rs`.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kiwi_host::{Auth, AuthKind, CacheConfig, Failure, FailureKind, Grants, Host, Outcome, SecretGrant, SecretSource};
use serde_json::{Value, json};

use crate::support::{Body, Server, Setup, answer, assert_failure, cache, guest, name, refill};

pub(crate) fn auth(hosts: &[&str], kind: AuthKind) -> Auth {
    Auth { name: "partner".into(), hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(), kind }
}

/// A cache whose guest may send requests to these hosts, with these headers, and as whom the host authenticates.
pub(crate) fn asking(guest_name: &str, url: &str, headers: Value, http: &[&str], auth: Vec<Auth>) -> CacheConfig {
    let http = http.iter().map(|grant| grant.parse().unwrap()).collect();
    let grants = Grants { http, auth, ..Grants::default() };
    CacheConfig { grants, ..cache("asking", guest(guest_name), json!({ "url": url, "headers": headers })) }
}

pub(crate) async fn failure(host: &Host) -> Failure {
    match refill(host, &name("asking")).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

pub(crate) async fn succeed(host: &Host) {
    let outcome = refill(host, &name("asking")).await;
    assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{outcome:?}");
}

pub(crate) fn secret_in(directory: &Path, secret: &str) -> SecretSource {
    let file = directory.join("secret");
    std::fs::write(&file, secret).unwrap();
    SecretSource::File(file)
}

#[tokio::test]
async fn the_host_authenticates_where_it_is_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let basic = format!("Basic {}", BASE64_STANDARD.encode("kiwi:pass:w\u{f6}rd"));
    let token = AuthKind::Bearer { token: secret_in(directory.path(), "t0ken") };
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, "pass:w\u{f6}rd\n").unwrap();
    let password = AuthKind::Basic { user: "kiwi".into(), password: SecretSource::File(password_file) };
    for (kind, expected) in [(token, "Bearer t0ken"), (password, basic.as_str())] {
        for door in ["http_get", "raw_wasi_http"] {
            let server = Server::start(|_| answer(200, "hello")).await;
            let other = Server::start(|_| answer(200, "hello")).await;
            let both = [&*server.origin(), &*other.origin()];
            let partner = auth(&[&server.origin()], kind.clone());
            // The guest says who it is, too: it is not asked. A placeholder there is not looked at.
            let own = json!({ "authorization": "Bearer ${secret:own}", "x-team": "ops" });
            let setup = Setup::new();
            // It says so in the URL, too.
            let url = server.url("/").replace("http://", "http://own:password@");
            let config = asking(door, &url, own, &both, vec![partner.clone()]);
            succeed(&setup.host([config]).await).await;
            let head = &server.requests()[0];
            assert_eq!(head.headers.get_all("authorization").iter().collect::<Vec<_>>(), [expected]);
            assert_eq!(head.headers["x-team"], "ops");
            let published = json!(setup.published(&name("asking")).await).to_string();
            assert!(!published.contains("t0ken") && !published.contains("Basic"), "{published}");

            // Elsewhere nothing is added, and the guest may say what it likes.
            let own = json!({ "authorization": "Bearer own" });
            let config = asking(door, &other.url("/"), own, &both, vec![partner]);
            succeed(&setup.host([config]).await).await;
            assert_eq!(other.requests()[0].headers["authorization"], "Bearer own");
        }
    }
}

#[tokio::test]
async fn each_redirect_gets_what_its_own_server_needs() {
    let directory = tempfile::tempdir().unwrap();
    let named = Server::start(|_| answer(200, "hello")).await;
    let target = named.url("/there");
    let first = Server::start(move |_| redirect(&target)).await;
    let setup = Setup::new();
    let partner = auth(&[&named.origin()], AuthKind::Bearer { token: secret_in(directory.path(), "t0ken") });
    let both = [&*first.origin(), &*named.origin()];
    let own = json!({ "authorization": "Bearer own" });
    succeed(&setup.host([asking("http_get", &first.url("/"), own, &both, vec![partner.clone()])]).await).await;
    assert_eq!(first.requests()[0].headers["authorization"], "Bearer own");
    assert_eq!(named.requests()[0].headers["authorization"], "Bearer t0ken");

    // The other way round, the host's word does not go along.
    let last = Server::start(|_| answer(200, "hello")).await;
    let target = last.url("/");
    let named = Server::start(move |_| redirect(&target)).await;
    let partner = auth(&[&named.origin()], partner.kind);
    let both = [&*named.origin(), &*last.origin()];
    succeed(&setup.host([asking("http_get", &named.url("/"), json!({}), &both, vec![partner])]).await).await;
    assert_eq!(named.requests()[0].headers["authorization"], "Bearer t0ken");
    assert_eq!(last.requests()[0].headers.get("authorization"), None);
}

fn redirect(to: &str) -> http::Response<Body> {
    let mut response = answer(307, "");
    response.headers_mut().insert("location", to.parse().unwrap());
    response
}

#[tokio::test]
async fn a_password_is_read_for_each_load_and_may_be_on_its_way() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(|_| answer(200, "hello")).await;
    let token = AuthKind::Bearer { token: SecretSource::File(directory.path().join("secret")) };
    for door in ["http_get", "raw_wasi_http"] {
        let partner = auth(&[&server.origin()], token.clone());
        let config = asking(door, &server.url("/"), json!({}), &[&server.origin()], vec![partner]);
        let setup = Setup::new();
        let host = setup.host([config]).await;
        let says = ["cannot read the token of auth `partner`", "secret", "No such file"];
        assert_failure(&failure(&host).await, FailureKind::Unavailable, &says);
        for secret in ["first", "second"] {
            secret_in(directory.path(), secret);
            succeed(&host).await;
            assert_eq!(server.requests().last().unwrap().headers["authorization"], format!("Bearer {secret}"));
        }
        secret_in(directory.path(), "s3cret\nx: y");
        let failure = failure(&host).await;
        assert_failure(&failure, FailureKind::Unavailable, &["auth `partner`: its secret is not one line of text"]);
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        std::fs::remove_file(directory.path().join("secret")).unwrap();
    }
    assert_eq!(server.requests().len(), 4);
}

/// A plugin says that it needs credentials. It gets none by that.
#[tokio::test]
async fn a_plugin_that_asks_for_credentials_runs_only_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let asked = json!({ "grants": ["secrets token", "auth partner"] });
    let config = cache("asking", guest("asks_grants"), asked);
    let setup = Setup::new();
    let refusal = setup.refusal(config.clone()).await;
    let missing: Vec<_> = refusal.needs().unwrap().grants.iter().map(|grant| (&*grant.kind, &*grant.name)).collect();
    assert_eq!(missing, [("secrets", "token"), ("auth", "partner")]);

    let (source, host) = (secret_in(directory.path(), "t0ken"), "https://api.example.com");
    let secret = SecretGrant { name: "token".into(), source: source.clone(), origins: vec![host.parse().unwrap()] };
    let auth = vec![auth(&[host], AuthKind::Bearer { token: source })];
    let grants = Grants { secrets: vec![secret], auth, ..Grants::default() };
    succeed(&setup.host([CacheConfig { grants, ..config }]).await).await;
}
