//! What the requests of all plugins go through: a proxy, private certificates.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kiwi_host::{
    Auth, AuthKind, CacheConfig, ClientCertificate, Failure, FailureKind, Grants, Host, HttpOptions, OAuth2, Outcome,
    Proxy, SecretGrant, SecretSource,
};
use serde_json::{Value, json};

use crate::support::{
    Server, Setup, TestProxy, TlsServer, answer, assert_failure, cache, eventually, guest, name, private_ca, refill,
};

fn getting(url: &str, headers: Value, http: &[&str]) -> CacheConfig {
    let grants = Grants { http: http.iter().map(|grant| grant.parse().unwrap()).collect(), ..Grants::default() };
    CacheConfig { grants, ..cache("getting", guest("http_get"), json!({ "url": url, "headers": headers })) }
}

async fn host(setup: &Setup, options: HttpOptions, config: CacheConfig) -> Host {
    let (host, skipped) = setup.builder().http(options).caches([config]).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    host
}

async fn succeed(host: &Host) {
    let outcome = refill(host, &name("getting")).await;
    assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{outcome:?}");
}

async fn failure(host: &Host) -> Failure {
    match refill(host, &name("getting")).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn through(proxy: &str) -> HttpOptions {
    HttpOptions { proxy: Some(Proxy::new(proxy).unwrap()), ..HttpOptions::default() }
}

#[tokio::test]
async fn plain_requests_go_through_the_proxy_which_resolves_names() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let password = format!("Basic {}", BASE64_STANDARD.encode("bob:p@ss/w\u{f6}rd"));
    let proxy = TestProxy::start(Some(&password)).await;
    let url = format!("http://bob:p%40ss%2Fw%C3%B6rd@127.0.0.1:{}", proxy.port());
    // Nobody but the proxy knows this name.
    let origin = format!("http://api.kiwi.invalid:{}", server.port());
    let own = json!({ "proxy-authorization": "Basic guest", "x-team": "ops" });
    let setup = Setup::new();
    let host = host(&setup, through(&url), getting(&format!("{origin}/rates"), own, &[&origin])).await;
    succeed(&host).await;
    assert_eq!(setup.published(&name("getting")).await["body"], json!("hello"));
    let [seen] = &proxy.seen()[..] else { panic!("one request: {:?}", proxy.seen()) };
    assert!(seen.starts_with(&format!("GET {origin}/rates HTTP/1.1\r\n")), "{seen}");
    assert_eq!(seen.to_lowercase().matches("proxy-authorization").count(), 1, "{seen}");
    let head = &server.requests()[0];
    assert_eq!(head.headers["x-team"], "ops");
    assert_eq!(head.headers.get("proxy-authorization"), None);
    assert!(!format!("{host:?}").contains("ss/w"), "{host:?}");
}

/// Without a proxy that takes it out, a guest's `proxy-authorization` would reach a server, or log in at another proxy.
#[tokio::test]
async fn a_guest_says_nothing_to_proxies() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let own = json!({ "proxy-authorization": "Basic guest" });
    let setup = Setup::new();
    succeed(&setup.host([getting(&server.url("/"), own, &[&server.origin()])]).await).await;
    assert_eq!(server.requests()[0].headers.get("proxy-authorization"), None);
}

#[tokio::test]
async fn encrypted_requests_are_tunnelled_with_all_secrets_in_them() {
    let (server, proxy) = (TlsServer::that_knows_its_clients().await, TestProxy::start(None).await);
    let setup = Setup::new();
    let file = setup.path().join("token");
    fs::write(&file, "s3cret").unwrap();
    let origin = server.origin();
    let mut config = getting(&format!("{origin}/"), json!({ "x-key": "${secret:token}" }), &[&origin]);
    config.grants.secrets.push(SecretGrant {
        name: "token".into(),
        source: SecretSource::File(file),
        origins: vec![origin.parse().unwrap()],
    });
    let client = ClientCertificate { certificate: private_ca("client.pem"), key: private_ca("client.key") };
    let options =
        HttpOptions { ca: Some(private_ca("ca.pem")), client_certificate: Some(client), ..through(&proxy.url()) };
    succeed(&host(&setup, options, config).await).await;
    assert_eq!(server.requests()[0]["x-key"], "s3cret");
    let [seen] = &proxy.seen()[..] else { panic!("one tunnel: {:?}", proxy.seen()) };
    let authority = origin.trim_start_matches("https://");
    assert!(seen.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\n")) && !seen.contains("s3cret"), "{seen}");
}

/// The proxy resolves names, so what can be known without that is checked here.
#[tokio::test]
async fn special_addresses_are_refused_before_the_proxy_is_asked() {
    let (server, proxy) = (Server::start(|_| answer(200, "secret")).await, TestProxy::start(None).await);
    let (setup, port) = (Setup::new(), server.port());
    for host_name in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "localhost", "x.localhost", "LOCALHOST."] {
        let config = getting(&format!("http://{host_name}:{port}/"), json!({}), &["*://*:*"]);
        let failure = failure(&host(&setup, through(&proxy.url()), config).await).await;
        assert_failure(&failure, FailureKind::Denied, &["add `http = [\"http://"]);
    }
    assert!(proxy.seen().is_empty());
    for host_name in ["127.0.0.1", "localhost"] {
        let origin = format!("http://{host_name}:{port}");
        succeed(&host(&setup, through(&proxy.url()), getting(&format!("{origin}/"), json!({}), &[&origin])).await)
            .await;
    }
    assert_eq!(proxy.seen().len(), 2);
    // A redirect is checked as the first request was.
    let target = format!("http://localhost:{port}/inside");
    let redirecting = Server::start(move |_| {
        let mut response = answer(302, "");
        response.headers_mut().insert("location", target.parse().unwrap());
        response
    })
    .await;
    let outside = format!("http://outside.kiwi.invalid:{}", redirecting.port());
    let config = getting(&format!("{outside}/"), json!({}), &["http://*:*"]);
    let failure = failure(&host(&setup, through(&proxy.url()), config).await).await;
    assert_failure(&failure, FailureKind::Denied, &["redirects to", "is the proxy's own machine"]);
}

#[tokio::test]
async fn some_hosts_are_reached_directly_and_their_addresses_checked() {
    let (server, proxy) = (Server::start(|_| answer(200, "hello")).await, TestProxy::start(None).await);
    let setup = Setup::new();
    let options = || HttpOptions {
        proxy: Some(
            Proxy::new(&proxy.url()).unwrap().except(["localhost".parse().unwrap(), "127.0.0.0/8".parse().unwrap()]),
        ),
        ..HttpOptions::default()
    };
    let origin = format!("http://localhost:{}", server.port());
    succeed(&host(&setup, options(), getting(&format!("{origin}/"), json!({}), &[&origin])).await).await;
    succeed(&host(&setup, options(), getting(&server.url("/"), json!({}), &[&server.origin()])).await).await;
    let denied = failure(&host(&setup, options(), getting(&format!("{origin}/"), json!({}), &["*://*:*"])).await).await;
    assert_failure(&denied, FailureKind::Denied, &["`localhost` resolves to", "not an address of the public internet"]);
    assert!(proxy.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_that_is_away_or_refuses_is_said() {
    let setup = Setup::new();
    let config = getting("http://api.kiwi.invalid/", json!({}), &["http://api.kiwi.invalid"]);
    let failed = failure(&host(&setup, through("http://bob:s3cret@127.0.0.1:1"), config).await).await;
    let says = ["no response from http://api.kiwi.invalid/ through the proxy http://127.0.0.1:1", "refused"];
    assert_failure(&failed, FailureKind::Unavailable, &says);
    assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");

    let proxy = TestProxy::start(Some("Basic other")).await;
    let config = getting("https://api.kiwi.invalid/", json!({}), &["https://api.kiwi.invalid"]);
    let failed = failure(&host(&setup, through(&proxy.url()), config).await).await;
    assert_failure(&failed, FailureKind::Unavailable, &["through the proxy", &proxy.url()]);
}

/// Its URL is a secret where there is a password in it. It may come late, and change.
#[tokio::test]
async fn the_url_of_a_proxy_is_read_for_each_load() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let setup = Setup::new();
    let file = setup.path().join("proxy");
    let options =
        HttpOptions { proxy: Some(Proxy::from_secret(SecretSource::File(file.clone()))), ..HttpOptions::default() };
    let origin = format!("http://api.kiwi.invalid:{}", server.port());
    let host = host(&setup, options, getting(&format!("{origin}/"), json!({}), &[&origin])).await;
    assert_failure(
        &failure(&host).await,
        FailureKind::Unavailable,
        &["cannot read the URL of the proxy", "No such file"],
    );
    fs::write(&file, "s3cret@proxy").unwrap();
    let failed = failure(&host).await;
    assert_failure(
        &failed,
        FailureKind::Unavailable,
        &["not a valid URL of a proxy", "http://USER:PASSWORD@HOST:PORT"],
    );
    assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
    fs::write(&file, "http://bob:s3cret@127.0.0.1:1").unwrap();
    let failed = failure(&host).await;
    assert_failure(&failed, FailureKind::Unavailable, &["through the proxy http://127.0.0.1:1: "]);
    assert!(!format!("{failed:?}").contains("s3cret"), "{failed:?}");
    let basic = |password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("bob:{password}")));
    for password in ["s3cret-1", "s3cret-2"] {
        let proxy = TestProxy::start(Some(&basic(password))).await;
        fs::write(&file, format!("http://bob:{password}@127.0.0.1:{}\n", proxy.port())).unwrap();
        succeed(&host).await;
        assert_eq!(setup.published(&name("getting")).await["status"], json!(200));
        assert_eq!(proxy.seen().len(), 1);
        // With another password, no connection that was opened with this one is used.
        fs::write(&file, format!("http://bob:wrong@127.0.0.1:{}\n", proxy.port())).unwrap();
        succeed(&host).await;
        assert_eq!(setup.published(&name("getting")).await["status"], json!(407));
    }
}

#[tokio::test]
async fn tokens_are_fetched_through_the_same_proxy() {
    let server = Server::start(|head| match head.uri.path() {
        "/token" => answer(200, r#"{"access_token": "t0ken", "token_type": "Bearer"}"#),
        _ => answer(200, "hello"),
    })
    .await;
    let proxy = TestProxy::start(None).await;
    let setup = Setup::new();
    let file = setup.path().join("secret");
    fs::write(&file, "s3cret").unwrap();
    let origin = |name: &str| format!("http://{name}.kiwi.invalid:{}", server.port());
    let oauth2 = OAuth2::new(&format!("{}/token", origin("login")), "kiwi", SecretSource::File(file)).unwrap();
    let mut config = getting(&format!("{}/", origin("api")), json!({}), &[&origin("api")]);
    let hosts = vec![origin("api").parse().unwrap()];
    config.grants.auth.push(Auth { name: "partner".into(), hosts, kind: AuthKind::OAuth2(oauth2) });
    succeed(&host(&setup, through(&proxy.url()), config).await).await;
    let [token, api] = &proxy.seen()[..] else { panic!("two requests: {:?}", proxy.seen()) };
    assert!(token.starts_with(&format!("POST {}/token HTTP/1.1", origin("login"))), "{token}");
    assert!(api.starts_with(&format!("GET {}/ HTTP/1.1", origin("api"))), "{api}");
    assert_eq!(server.requests()[1].headers["authorization"], "Bearer t0ken");
}

#[tokio::test]
async fn a_private_authority_is_trusted_beside_those_of_the_system() {
    let server = TlsServer::start().await;
    let (setup, origin) = (Setup::new(), server.origin());
    let config = || getting(&format!("{origin}/"), json!({}), &[&origin]);
    let untrusted = failure(&host(&setup, HttpOptions::default(), config()).await).await;
    assert_failure(&untrusted, FailureKind::Unavailable, &["no response from", "certificate"]);

    // A file that comes late, and one that is replaced: no restart is needed.
    let ca = setup.path().join("ca.pem");
    let host = host(&setup, HttpOptions { ca: Some(ca.clone()), ..HttpOptions::default() }, config()).await;
    let says = ["cannot read trusted certificates", &ca.display().to_string()];
    assert_failure(&failure(&host).await, FailureKind::Unavailable, &says);
    let other = setup.path().join("other.pem");
    let certificate = "host/store/tests/redis/tls/cert.pem";
    fs::copy(crate::support::repository().join(certificate), &other).unwrap();
    fs::rename(&other, &ca).unwrap();
    assert_failure(&failure(&host).await, FailureKind::Unavailable, &["no response from", "certificate"]);
    fs::copy(private_ca("ca.pem"), &other).unwrap();
    fs::rename(&other, &ca).unwrap();
    eventually("the new certificate is trusted", async || {
        matches!(refill(&host, &name("getting")).await, Outcome::Published { .. })
    })
    .await;
    // What cannot be used replaces nothing.
    fs::write(&ca, "not a certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    succeed(&host).await;
}

#[tokio::test]
async fn a_server_may_ask_for_a_certificate() {
    let server = TlsServer::that_knows_its_clients().await;
    let (setup, origin) = (Setup::new(), server.origin());
    let config = || getting(&format!("{origin}/"), json!({}), &[&origin]);
    let ca = Some(private_ca("ca.pem"));
    let unknown = HttpOptions { ca: ca.clone(), ..HttpOptions::default() };
    let failed = failure(&host(&setup, unknown, config()).await).await;
    assert_failure(&failed, FailureKind::Unavailable, &["no response from"]);
    let with = |certificate: &Path, key: &Path| HttpOptions {
        ca: ca.clone(),
        client_certificate: Some(ClientCertificate { certificate: certificate.into(), key: key.into() }),
        ..HttpOptions::default()
    };
    let options = with(&private_ca("client.pem"), &private_ca("client.key"));
    assert_eq!(kiwi_host::check_certificates(&options), Ok(()));
    succeed(&host(&setup, options, config()).await).await;
    assert_eq!(server.requests().len(), 1);
    let broken = with(&private_ca("client.pem"), Path::new("/nowhere/client.key"));
    let problem = kiwi_host::check_certificates(&broken).unwrap_err();
    assert!(problem.contains("private key") && problem.contains("/nowhere/client.key"), "{problem}");
    let failed = failure(&host(&setup, broken, config()).await).await;
    assert_failure(&failed, FailureKind::Unavailable, &["private key", "/nowhere/client.key"]);
}
