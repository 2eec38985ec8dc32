//! What guests can hold open: connections, files and bodies are bounded, so that the store keeps its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kiwi_host::{CacheConfig, DirGrant, FailureKind, Grants, Limits, Outcome};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Server, Setup, answer, assert_failure, attack, cache, eventually, guest, later, name};

/// A server on all addresses of this machine, which counts its connections.
struct Counting {
    port: u16,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Counting {
    async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, accepted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now_open, ever) = (open.clone(), accepted.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                ever.fetch_add(1, Ordering::SeqCst);
                now_open.fetch_add(1, Ordering::SeqCst);
                let open = now_open.clone();
                tokio::spawn(async move {
                    let here = || async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from("here")))) };
                    let served = service_fn(move |_| here());
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), served).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, open, accepted }
    }

    /// A cache that gets these addresses, one after the other.
    fn visited(&self, addresses: impl Iterator<Item = String>) -> CacheConfig {
        let port = self.port;
        let urls: Vec<_> = addresses.map(|address| format!("http://{address}:{port}/")).collect();
        let grants = Grants { http: vec![format!("http://127.0.0.0/8:{port}").parse().unwrap()], ..Grants::default() };
        CacheConfig { grants, ..cache("attacked", guest("many_origins"), json!({ "urls": urls })) }
    }
}

/// Each loopback address is an origin of its own, and one connection to each of 16 million would be open.
#[tokio::test]
async fn few_idle_connections_are_kept() {
    let server = Counting::start().await;
    let setup = Setup::new();
    let host = setup.host([server.visited((1..=200).map(|n| format!("127.0.1.{n}")))]).await;
    let outcome = host.refill(&name("attacked")).await.unwrap();
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    assert_eq!(server.accepted.load(Ordering::SeqCst), 200);
    eventually("few connections are open", async || server.open.load(Ordering::SeqCst) <= 16).await;
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Counting::start().await;
    let setup = Setup::new();
    let host = setup.host([server.visited((1..=20).map(|_| "127.0.1.1".to_owned()))]).await;
    for _ in 0..2 {
        host.refill(&name("attacked")).await.unwrap();
    }
    assert_eq!(server.accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_guest_that_opens_files_and_closes_none_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rows.csv"), "iata\nFR\n").unwrap();
    let grants = Grants { dirs: vec![DirGrant::new("data", directory.path())], ..Grants::default() };
    std::fs::create_dir(directory.path().join("data")).unwrap();
    std::fs::rename(directory.path().join("rows.csv"), directory.path().join("data/rows.csv")).unwrap();
    let config = |times: usize| CacheConfig {
        grants: grants.clone(),
        ..cache("attacked", guest("open_files"), json!({ "path": "data/rows.csv", "times": times }))
    };
    let failure = attack(config(1000)).await;
    assert_failure(&failure, FailureKind::Limit, &["files, streams and responses open", "close"]);
    let outcome = Setup::new().refill(config(20)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
}

/// All of these bodies are held by the host at the same time.
#[tokio::test]
async fn bodies_of_wasi_http_requests_count_as_memory_of_the_load() {
    let server = Server::start(|_| later(std::future::pending())).await;
    let config = |requests: usize| CacheConfig {
        limits: Limits { memory: 16 << 20, ..Limits::default() },
        grants: Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() },
        ..cache(
            "attacked",
            guest("wasi_http_bodies"),
            json!({ "url": server.url("/"), "bytes": 4 << 20, "requests": requests }),
        )
    };
    let failure = attack(config(8)).await;
    let says = ["the body of an HTTP request", "more than the 16777216 allowed", "limits.memory"];
    assert_failure(&failure, FailureKind::Limit, &says);
    let outcome = Setup::new().refill(config(2)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
}

#[tokio::test]
async fn wasi_http_respects_retry_after() {
    let server = Server::start(|_| {
        let mut response = answer(503, "later");
        response.headers_mut().insert("retry-after", "7".parse().unwrap());
        response
    })
    .await;
    let config = cache("attacked", guest("raw_wasi_http"), json!({ "url": server.url("/") }));
    let grants = Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() };
    let failure = attack(CacheConfig { grants, ..config }).await;
    assert_failure(&failure, FailureKind::Unavailable, &["503"]);
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(7)));
}
