//! A host that runs: when it loads again, and when it leaves a source alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kiwi_host::{AskedTiming, CacheConfig, Host, Outcome};
use kiwi_store::{Store, Ttl};
use serde_json::json;
use tokio::sync::Barrier;

use crate::redis_server::RedisServer;
use crate::support::{
    Gate, Running, Server, Setup, answer, cache, eventually, every, fetched, guest, later, log_of, name,
};

const BRIEF: Duration = Duration::from_millis(50);
const AIRLINES: &str = r#"{"FR": "Ryanair"}"#;

/// A second host on the same store, as another process would have it.
async fn beside(setup: &Setup, config: CacheConfig) -> Host {
    let url = setup.store.location();
    let store: Arc<dyn Store> = kiwi_store::open(&url.parse().unwrap()).unwrap();
    let (host, skipped) = Host::builder(store).caches([config]).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    host
}

/// How much time lies between one request and the next.
fn gaps(server: &Server) -> Vec<Duration> {
    server.requests().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test]
async fn hosts_that_share_a_store_load_once_an_interval() {
    let interval = Duration::from_millis(300);
    let server = Server::start(|_| answer(200, AIRLINES)).await;
    let setup = Setup::new();
    let config = CacheConfig { timing: every(interval), ..fetched("shared", &server) };
    let (first, second) = (setup.host([config.clone()]).await, beside(&setup, config).await);
    let running = [Running::start(&first), Running::start(&second)];
    eventually("the source was asked often", async || server.requests().len() >= 8).await;
    for running in running {
        running.stop().await;
    }
    assert!(gaps(&server).iter().all(|gap| *gap >= interval), "{:?}", gaps(&server));
}

#[tokio::test]
async fn an_unavailable_source_is_left_alone_by_all_hosts() {
    let server = Server::start(|_| answer(503, "")).await;
    let setup = Setup::new();
    let config = CacheConfig { timing: every(BRIEF), ..fetched("away", &server) };
    let (first, second) = (setup.host([config.clone()]).await, beside(&setup, config).await);
    let running = [Running::start(&first), Running::start(&second)];
    eventually("the source was asked again", async || server.requests().len() >= 3).await;
    for running in running {
        running.stop().await;
    }
    assert!(gaps(&server).iter().all(|gap| *gap >= Duration::from_secs(1)), "{:?}", gaps(&server));
}

/// A source that asks to be left alone for an hour, and one whose answer nothing but a change can
/// mend: either way the next attempt comes long after the data's own life.
#[tokio::test]
async fn old_data_outlives_a_source_that_stays_away() {
    for status in [503, 403] {
        let first = AtomicUsize::new(0);
        let server = Server::start(move |_| {
            if first.fetch_add(1, Ordering::Relaxed) == 0 {
                return answer(200, AIRLINES);
            }
            let mut response = answer(status, "");
            response.headers_mut().insert("retry-after", "3600".parse().unwrap());
            response
        })
        .await;
        let setup = Setup::new();
        let life = Duration::from_millis(400);
        let timing = AskedTiming { cache_ttl: Some(Ttl::For(life)), ..every(Duration::from_millis(100)) };
        let config = CacheConfig { timing, ..fetched("old", &server) };
        let host = setup.host([config]).await;
        let running = Running::start(&host);
        let old = name("old");
        eventually("the source has failed", async || setup.status(&old).await.last_error.is_some()).await;
        let failed_at = Instant::now();
        eventually("its data would have gone three times over", async || {
            assert!(setup.status(&old).await.presence.whole().is_some(), "gone after {:?}", failed_at.elapsed());
            failed_at.elapsed() > life * 3
        })
        .await;
        running.stop().await;
        assert_eq!(server.requests().len(), 2);
    }
}

/// The lease would be renewed only after ten seconds: keeping it says nothing of the old data.
#[tokio::test]
async fn old_data_outlives_the_load_that_replaces_it() {
    let (gate, first) = (Gate::default(), AtomicUsize::new(0));
    let held = gate.clone();
    let server = Server::start(move |_| match first.fetch_add(1, Ordering::Relaxed) {
        0 => answer(200, AIRLINES),
        _ => held.holds(r#"{"FR": "Ryanair", "LH": "Lufthansa"}"#),
    })
    .await;
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let life = Duration::from_millis(600);
    let timing = AskedTiming { cache_ttl: Some(Ttl::For(life)), ..every(life) };
    let config = CacheConfig { timing, ..fetched("slow", &server) };
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    let slow = name("slow");
    eventually("the source is asked again", async || server.requests().len() == 2).await;
    let asked_at = Instant::now();
    eventually("its data would have gone three times over", async || {
        assert!(setup.status(&slow).await.presence.whole().is_some(), "gone after {:?}", asked_at.elapsed());
        asked_at.elapsed() > life * 3
    })
    .await;
    gate.open();
    eventually("the new map is published", async || setup.published(&slow).await.len() == 2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_source_that_asks_for_patience_gets_it() {
    let server = Server::start(|_| {
        let mut response = answer(429, "");
        response.headers_mut().insert("retry-after", "3".parse().unwrap());
        response
    })
    .await;
    let setup = Setup::new();
    let host = setup.host([CacheConfig { timing: every(BRIEF), ..fetched("patient", &server) }]).await;
    let running = Running::start(&host);
    eventually("the source was asked again", async || server.requests().len() >= 2).await;
    running.stop().await;
    assert!(gaps(&server)[0] >= Duration::from_secs(3), "{:?}", gaps(&server));
}

/// A witness beside it shows that time has passed.
#[tokio::test]
async fn what_only_the_operator_can_mend_is_not_tried_again() {
    let server = Server::start(|_| answer(401, "")).await;
    let setup = Setup::new();
    let settings = json!({ "fail": { "kind": "invalid-settings", "message": "no such table" } });
    let (denied, invalid) = (fetched("denied", &server), cache("invalid", guest("echo"), settings));
    let witness = cache("witness", guest("echo"), json!({ "entries": { "here": true } }));
    let configs = [denied, invalid, witness].map(|config| CacheConfig { timing: every(BRIEF), ..config });
    let host = setup.host(configs).await;
    let running = Running::start(&host);

    let error_at = async |cache| setup.status(&name(cache)).await.last_error.map(|error| error.at);
    eventually("both have failed", async || error_at("denied").await.is_some() && error_at("invalid").await.is_some())
        .await;
    let (failed_at, mut checks) = (error_at("invalid").await, std::collections::BTreeSet::new());
    eventually("the witness was refilled ten times", async || {
        checks.extend(setup.status(&name("witness")).await.presence.whole().map(|head| head.checked_at));
        checks.len() > 10
    })
    .await;
    assert_eq!(server.requests().len(), 1);
    assert_eq!(error_at("invalid").await, failed_at);
    running.stop().await;
}

#[tokio::test]
async fn data_that_is_gone_is_loaded_at_once() {
    let setup = Setup::new();
    let settings = json!({ "entries": { "FR": "Ryanair" } });
    let config = CacheConfig { timing: every(Duration::from_secs(3600)), ..cache("gone", guest("echo"), settings) };
    let name = config.name.clone();
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    for _ in 0..2 {
        eventually("it is published", async || !setup.is_missing(&name).await).await;
        assert!(setup.store.forget(&name).await.unwrap());
    }
    eventually("it is published again", async || !setup.is_missing(&name).await).await;
    running.stop().await;
}

#[tokio::test]
async fn a_fresh_map_is_not_loaded_again_at_the_start() {
    let server = Server::start(|_| answer(200, AIRLINES)).await;
    let setup = Setup::new();
    let config = fetched("fresh", &server);
    assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
    let witness =
        CacheConfig { timing: every(BRIEF), ..cache("witness", guest("echo"), json!({ "entries": { "FR": 1 } })) };
    let host = setup.host([config, witness]).await;
    let running = Running::start(&host);
    eventually("the host runs", async || !setup.is_missing(&name("witness")).await).await;
    running.stop().await;
    assert_eq!(server.requests().len(), 1);
}

/// How many answers are under way at the most, each waiting until `together` are.
async fn most_at_a_time(max_loads: usize, together: usize) -> usize {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (barrier, seen) = (Arc::new(Barrier::new(together)), most.clone());
    let server = Server::start(move |_| {
        let (now, most, barrier) = (now.clone(), most.clone(), barrier.clone());
        later(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            AIRLINES.to_owned()
        })
    })
    .await;
    let setup = Setup::new();
    let configs = ["a", "b", "c"].map(|name| fetched(name, &server));
    let (host, skipped) = setup.builder().caches(configs).max_loads(max_loads).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    let outcomes = host.refill_all().await;
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Published { .. })), "{outcomes:?}");
    seen.load(Ordering::SeqCst)
}

#[tokio::test]
async fn only_so_many_caches_are_loaded_at_a_time() {
    assert_eq!(most_at_a_time(1, 1).await, 1);
    assert_eq!(most_at_a_time(3, 3).await, 3);
}

#[tokio::test]
async fn a_host_whose_store_is_away_says_so_and_stops_when_it_is_told() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = kiwi_store::open(&format!("redis://{place}").parse().unwrap()).unwrap();
    let config =
        CacheConfig { timing: every(BRIEF), ..cache("storeless", guest("echo"), json!({ "entries": { "FR": 1 } })) };
    let name = config.name.clone();
    let (host, skipped) = Host::builder(store).caches([config]).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    let running = Running::start(&host);
    let began = Instant::now();
    eventually("it says that the store is away", async || {
        log_of(&name).iter().any(|line| line.message.contains("not refilled"))
    })
    .await;
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(20), "it stops although the store is away");
}

#[tokio::test]
async fn a_store_that_hangs_does_not_keep_a_host_that_stops() {
    let (gate, redis) = (Gate::default(), RedisServer::start());
    let held = gate.clone();
    let server = Server::start(move |_| held.holds(AIRLINES)).await;
    let setup = Setup::on(&redis);
    let host = setup.host([fetched("stopping", &server)]).await;
    let drain_timeout = Duration::from_millis(500);
    let running = Running::draining_for(&host, drain_timeout);
    eventually("the host loads", async || server.requests().len() == 1).await;
    redis.hang();
    let began = Instant::now();
    running.stop().await;
    // The lease cannot be given back, and five seconds are the time to try it.
    let bound = drain_timeout + Duration::from_secs(5);
    assert!(began.elapsed() >= bound && began.elapsed() < bound + Duration::from_secs(2), "{:?}", began.elapsed());
    gate.open();
}
