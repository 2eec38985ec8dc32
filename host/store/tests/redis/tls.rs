//! TLS: whom the store trusts, and how it identifies itself.

use kiwi_store::{Administration, Hints};

use super::*;

/// For `localhost`, signed by itself: `openssl req -x509 -newkey ec ... -addext basicConstraints=CA:FALSE`.
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/tls/cert.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/tls/key.pem");

/// A server that speaks TLS on the port that is given back, and plain on its own.
fn start(arguments: &[&str]) -> (RedisServer, u16) {
    let port = redis_server::free_port();
    let port_text = port.to_string();
    let tls = ["--tls-port", &port_text, "--tls-cert-file", CERTIFICATE, "--tls-key-file", KEY];
    (RedisServer::start_with(&[&tls, arguments].concat()), port)
}

#[tokio::test]
async fn only_a_server_that_we_trust_is_used() {
    let (server, port) = start(&["--tls-auth-clients", "no"]);
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    let trusting = open(&format!("rediss://localhost:{port}?ca={CERTIFICATE}"));
    refill(&trusting, &cache, &map).await;
    assert_eq!(published(&open(&server.url()), &cache).await.unwrap().1, map);

    let error = open(&format!("rediss://localhost:{port}")).caches().await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("certificate"), "{error}");
    assert!(error.to_string().contains("?ca=FILE"), "{error}");
    // The certificate is for another name.
    let error = open(&format!("rediss://127.0.0.1:{port}?ca={CERTIFICATE}")).caches().await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_server_may_require_a_client_certificate() {
    let (_server, port) = start(&["--tls-auth-clients", "yes", "--tls-ca-cert-file", CERTIFICATE]);
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    let url = format!("rediss://localhost:{port}?ca={CERTIFICATE}");
    let known = open(&format!("{url}&cert={CERTIFICATE}&key={KEY}"));
    refill(&known, &cache, &map).await;
    assert_eq!(published(&known, &cache).await.unwrap().1, map);
    // Channels are another connection.
    known.asks(&[cache]).await.unwrap();

    let error = open(&url).caches().await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("?cert=FILE&key=FILE"), "{error}");
}

/// An authority of one's own, and the certificates it has signed for the server `localhost` and for a client.
const PRIVATE_CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/tls/private_ca");

#[tokio::test]
async fn a_private_authority_vouches_for_the_server_and_for_its_clients() {
    let port = redis_server::free_port();
    let [ca, certificate, key] = ["ca.pem", "server.pem", "server.key"].map(|file| format!("{PRIVATE_CA}/{file}"));
    let _server = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-ca-cert-file",
        &ca,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "yes",
    ]);
    let url = format!("rediss://localhost:{port}?ca={ca}");
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    let known = open(&format!("{url}&cert={PRIVATE_CA}/client.pem&key={PRIVATE_CA}/client.key"));
    refill(&known, &cache, &map).await;
    // Small calls, whole maps and channels each have a connection.
    assert_eq!(published(&known, &cache).await.unwrap().1, map);
    known.asks(&[cache]).await.unwrap();

    // The certificate of this client is signed by somebody else.
    let error = open(&format!("{url}&cert={CERTIFICATE}&key={KEY}")).caches().await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("the connection to Redis"), "{error}");
    // This client trusts somebody else.
    let error = open(&format!("rediss://localhost:{port}?ca={CERTIFICATE}")).caches().await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("?ca=FILE"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_invalid_before_anything_is_tried() {
    for (parameters, file) in [
        ("?ca=/nowhere/ca.pem".to_owned(), "/nowhere/ca.pem"),
        (format!("?cert=/nowhere/cert.pem&key={KEY}"), "/nowhere/cert.pem"),
        (format!("?cert={CERTIFICATE}&key=/nowhere/key.pem"), "/nowhere/key.pem"),
    ] {
        let StoreUrl::Redis(options) = format!("rediss://localhost{parameters}").parse().unwrap() else {
            panic!("no Redis")
        };
        let error = Redis::open(&options).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains(file), "{error}");
    }
    let error = format!("rediss://localhost?cert={CERTIFICATE}").parse::<StoreUrl>().unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("`key=`"), "{error}");
}
