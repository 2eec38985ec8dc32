//! Statsd, read off a real socket.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kiwi_host::{AskedTiming, CacheConfig, FailureKind, Guards, Host, Metrics, Outcome};
use kiwi_store::Layout;
use serde_json::json;
use tokio::net::UdpSocket;

use crate::redis_server::RedisServer;
use crate::support::{
    Gate, Running, Server, Setup, answer, assert_failure, cache, eventually, every, fetched, guest, name, refill,
};

/// A statsd that only listens.
struct Statsd(UdpSocket);

impl Statsd {
    async fn start() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    fn metrics(&self, prefix: &str) -> Metrics {
        Metrics::statsd(&self.0.local_addr().unwrap().to_string(), prefix).unwrap()
    }

    /// Reads until each of these was sent: a metric's name and tags, without its value.
    ///
    /// # Panics
    /// After half a minute, with what was sent instead.
    async fn sends(&self, expected: &[&str]) -> Vec<String> {
        let (mut sent, mut missing) = (Vec::new(), expected.iter().copied().collect::<BTreeSet<_>>());
        let reading = async {
            let mut datagram = [0; 4096];
            while !missing.is_empty() {
                let length = self.0.recv(&mut datagram).await.unwrap();
                for line in std::str::from_utf8(&datagram[..length]).unwrap().lines() {
                    missing.retain(|expected| !is(line, expected));
                    sent.push(line.to_owned());
                }
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(30), reading).await.is_ok();
        assert!(in_time, "{missing:?} are missing from {sent:#?}");
        sent
    }
}

/// Whether a line is `NAME:VALUE|REST` for an expected `NAME|REST`, its value a number.
fn is(line: &str, expected: &str) -> bool {
    let (Some((name, rest)), Some((expected_name, expected_rest))) = (line.split_once(':'), expected.split_once('|'))
    else {
        return false;
    };
    let Some((value, rest)) = rest.split_once('|') else { return false };
    name == expected_name && rest == expected_rest && value.parse::<f64>().is_ok()
}

#[tokio::test]
async fn a_running_host_counts_times_and_measures() {
    let (setup, statsd) = (Setup::new(), Statsd::start().await);
    let good = cache("good", guest("echo"), json!({ "entries": { "FR": 1, "LH": 2 } }));
    let bad = cache("bad", guest("trap"), json!({}));
    let configs = [good, bad].map(|config| CacheConfig { timing: every(Duration::from_millis(50)), ..config });
    let (host, _) = setup.builder().caches(configs).metrics(statsd.metrics("")).build().await.unwrap();
    let running = Running::start(&host);
    let sent = statsd
        .sends(&[
            "kiwicache|c|#name:good,status:success",
            "kiwicache|c|#name:bad,status:load_error",
            "kiwicache.load|ms|#name:good",
            "kiwicache.publish|ms|#name:good",
            "kiwicache.entries|g|#name:good",
            "kiwicache.bytes|g|#name:good",
            "kiwicache.age|g|#name:good",
        ])
        .await;
    assert!(sent.contains(&"kiwicache.entries:2|g|#name:good".to_owned()), "{sent:?}");
    assert!(sent.contains(&"kiwicache.bytes:6|g|#name:good".to_owned()), "{sent:?}");
    // One for each refill, unchanged ones included: each is one more.
    statsd.sends(&["kiwicache|c|#name:good,status:success"]).await;
    assert!(!sent.iter().any(|line| line.contains("status:success") && line.contains("name:bad")), "{sent:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_prefix_stands_before_every_name() {
    let (setup, statsd) = (Setup::new(), Statsd::start().await);
    let config = cache("good", guest("echo"), json!({ "entries": { "FR": 1 } }));
    let (host, _) = setup.builder().caches([config]).metrics(statsd.metrics("prod")).build().await.unwrap();
    refill(&host, &name("good")).await;
    statsd.sends(&["prod.kiwicache|c|#name:good,status:success", "prod.kiwicache.load|ms|#name:good"]).await;
}

#[tokio::test]
async fn a_store_that_is_away_counts_as_redis_error() {
    let statsd = Statsd::start().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = kiwi_store::open(&format!("redis://{nobody}").parse().unwrap()).unwrap();
    let config = cache("storeless", guest("echo"), json!({}));
    let (host, _) = Host::builder(store).caches([config]).metrics(statsd.metrics("")).build().await.unwrap();
    let outcome = refill(&host, &name("storeless")).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    statsd.sends(&["kiwicache|c|#name:storeless,status:redis_error"]).await;
}

/// The class without the suffix, for dashboards that kiwi-cache has filled so far; and what kiwi-cache
/// does not send, under the cache's own name.
#[tokio::test]
async fn each_refill_that_was_committed_is_one_success_in_kiwi_caches_words() {
    let (redis, statsd, asked) = (RedisServer::start(), Statsd::start().await, AtomicUsize::new(0));
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => answer(200, r#"{"FR": "Ryanair"}"#),
        _ => answer(503, ""),
    })
    .await;
    let layout = Layout::Both("Airlines:eu".parse().unwrap());
    let config = CacheConfig { layout, ..fetched("european", &server) };
    let host = Setup::on(&redis).builder().caches([config]).metrics(statsd.metrics("")).build().await.unwrap().0;
    let name = name("european");
    assert!(matches!(refill(&host, &name).await, Outcome::Published { .. }));
    assert!(matches!(refill(&host, &name).await, Outcome::Unchanged { .. }));
    assert!(matches!(refill(&host, &name).await, Outcome::Failed(_)));
    let sent =
        statsd.sends(&["kiwicache|c|#name:Airlines,status:load_error", "kiwicache.entries|g|#name:european"]).await;
    let statuses: Vec<&String> = sent.iter().filter(|line| line.starts_with("kiwicache:")).collect();
    let [success, failure] =
        ["success", "load_error"].map(|status| format!("kiwicache:1|c|#name:Airlines,status:{status}"));
    assert_eq!(statuses, [&success, &success, &failure]);
}

#[tokio::test]
async fn each_failed_call_of_the_store_is_one_redis_error() {
    let (mut redis, statsd, gate) = (RedisServer::start(), Statsd::start().await, Gate::default());
    let held = gate.clone();
    let server = Server::start(move |_| held.holds(r#"{"FR": "Ryanair"}"#)).await;
    let timing = AskedTiming { lease_ttl: Some(Duration::from_secs(3)), ..every(Duration::from_secs(60)) };
    let config = CacheConfig { timing, ..fetched("cut-off", &server) };
    let host = Setup::on(&redis).builder().caches([config]).metrics(statsd.metrics("")).build().await.unwrap().0;
    let loading = tokio::spawn(async move { refill(&host, &name("cut-off")).await });
    eventually("the host loads", async || server.requests().len() == 1).await;
    redis.kill();
    let mut sent = Vec::new();
    // Its lease is renewed in vain, and in the end it cannot be given back.
    for _ in 0..3 {
        sent.extend(statsd.sends(&["kiwicache|c|#name:cut-off,status:redis_error"]).await);
    }
    let Outcome::Failed(failure) = loading.await.unwrap() else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::StoreUnavailable, &[]);
    assert!(sent.iter().all(|line| line.contains("redis_error")), "{sent:?}");
    gate.open();
}

#[tokio::test]
async fn a_refused_map_is_counted_with_its_guard() {
    let (setup, statsd) = (Setup::new(), Statsd::start().await);
    let counted = |entries| cache("shrunk", guest("counter"), json!({ "entries": entries }));
    setup.refill(counted(200)).await;
    let guards = Guards { min_entries: None, max_shrink: Some("30%".parse().unwrap()) };
    let few = CacheConfig {
        guards: Guards { min_entries: Some(100), ..guards },
        ..cache("few", guest("echo"), json!({ "entries": { "FR": 1 } }))
    };
    let (shrunk, empty) = (CacheConfig { guards, ..counted(120) }, cache("empty", guest("empty"), json!({})));
    let host = setup.builder().caches([shrunk, few, empty]).metrics(statsd.metrics("")).build().await.unwrap().0;
    host.refill_all().await;
    let expected = ["shrunk,guard:max_shrink", "few,guard:min_entries", "empty,guard:allow_empty_data"];
    let expected = expected.map(|tags| format!("kiwicache.refused|c|#name:{tags}"));
    let load_errors = ["shrunk", "few", "empty"].map(|name| format!("kiwicache|c|#name:{name},status:load_error"));
    let all: Vec<&str> = expected.iter().chain(&load_errors).map(String::as_str).collect();
    statsd.sends(&all).await;
}

#[tokio::test]
async fn a_statsd_that_is_away_costs_nothing() {
    let setup = Setup::new();
    // Nobody listens there any more.
    let metrics = Statsd::start().await.metrics("");
    let config = cache("unheard", guest("counter"), json!({ "entries": 10 }));
    let name = config.name.clone();
    let (host, _) = setup.builder().caches([config]).metrics(metrics).build().await.unwrap();
    for _ in 0..20 {
        let outcome = refill(&host, &name).await;
        assert!(matches!(outcome, Outcome::Published { entries: 10, .. }), "{outcome:?}");
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    let error = Metrics::statsd("nowhere", "").unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("`nowhere`"), "{error}");
    assert!(error.to_string().contains("expected HOST:PORT"), "{error}");
}
