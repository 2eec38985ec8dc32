//! The host authenticates, and the guest sees nothing of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kiwi_host::{
    Auth, AuthKind, CacheConfig, ClientAuth, Failure, FailureKind, Grants, Host, Limits, OAuth2, Outcome, SecretSource,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Body, Server, Setup, answer, assert_failure, cache, eventually, guest, name, raw_server, refill};

const CLIENT_SECRET: &str = "cl1ent-s3cret/+:\u{fc}";

fn auth(hosts: &[&str], kind: AuthKind) -> Auth {
    Auth { name: "partner".into(), hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(), kind }
}

/// A cache whose guest may send requests to these hosts, with these headers, and as whom the host authenticates.
fn asking(guest_name: &str, url: &str, headers: Value, http: &[&str], auth: Vec<Auth>) -> CacheConfig {
    let http = http.iter().map(|grant| grant.parse().unwrap()).collect();
    let grants = Grants { http, auth, ..Grants::default() };
    CacheConfig { grants, ..cache("asking", guest(guest_name), json!({ "url": url, "headers": headers })) }
}

async fn failure(host: &Host) -> Failure {
    match refill(host, &name("asking")).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

async fn succeed(host: &Host) {
    let outcome = refill(host, &name("asking")).await;
    assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{outcome:?}");
}

fn secret_in(directory: &Path, secret: &str) -> SecretSource {
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
            let config = asking(door, &server.url("/"), own, &both, vec![partner.clone()]);
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

/// A server that gives tokens, and what it was asked.
struct TokenServer {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<Answer>>,
    _accepting: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Asked {
    authorization: Option<String>,
    form: HashMap<String, String>,
    all: String,
}

#[derive(Clone)]
enum Answer {
    /// A token named by how many were given before, that lives for so long.
    Token {
        expires_in: Value,
    },
    Raw {
        status: u16,
        body: String,
    },
    Endless,
    Never,
}

impl TokenServer {
    async fn start(answer: Answer) -> Self {
        let (asked, answer): (Arc<Mutex<Vec<Asked>>>, _) = (Arc::default(), Arc::new(Mutex::new(answer)));
        let (kept, given) = (asked.clone(), answer.clone());
        let (address, accepting) = raw_server(move |stream| {
            let (kept, given) = (kept.clone(), given.clone());
            async move {
                // A client that goes away is the test's business.
                let _ = serve(stream, &kept, &given).await;
            }
        })
        .await;
        Self { url: format!("http://{address}/token?tenant=s3cret-tenant"), asked, answer, _accepting: accepting }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn now_answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn kind(&self, directory: &Path) -> AuthKind {
        AuthKind::OAuth2(OAuth2::new(&self.url, "kiwi", secret_in(directory, CLIENT_SECRET)).unwrap())
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answer: &Mutex<Answer>) -> std::io::Result<()> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    let head = loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        all.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                break head.to_owned();
            }
        }
    };
    let all = String::from_utf8_lossy(&all).into_owned();
    let form = url::form_urlencoded::parse(all.split_once("\r\n\r\n").unwrap().1.as_bytes()).into_owned().collect();
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: ")).map(ToOwned::to_owned);
    let before = {
        let mut kept = kept.lock().unwrap();
        kept.push(Asked { authorization, form, all });
        kept.len()
    };
    let now = answer.lock().unwrap().clone();
    let (status, body) = match now {
        Answer::Token { expires_in } => {
            let token =
                json!({ "access_token": format!("t0ken-{before}"), "token_type": "bearer", "expires_in": expires_in });
            (200, token.to_string())
        }
        Answer::Raw { status, body } => (status, body),
        Answer::Never => return std::future::pending().await,
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\": \"").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await
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
    let AuthKind::OAuth2(mut oauth2) = tokens.kind(directory.path()) else { unreachable!() };
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
    let AuthKind::OAuth2(oauth2) = tokens.kind(directory.path()) else { unreachable!() };
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
        let host = host_of(&setup, &api, tokens.kind(directory.path())).await;
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
        assert!(first.iter().all(|head| head.at.duration_since(began) < life.max(Duration::from_secs(1))));
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
    let host = host_of(&setup, &api, tokens.kind(directory.path())).await;
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
    succeed(&host_of(&setup, &api, tokens.kind(directory.path())).await).await;
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
        let failure = failure(&host_of(&setup, &api, tokens.kind(directory.path())).await).await;
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
    let partner = auth(&[&api.origin()], tokens.kind(directory.path()));
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
    let kind = tokens.kind(directory.path());
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
