//! A host that runs: when it loads again, and when it leaves a source alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kiwi_host::{AskedTiming, CacheConfig, DirGrant, Host, Outcome, Settings};
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
        let life = Duration::from_secs(2);
        let timing = AskedTiming { cache_ttl: Some(Ttl::For(life)), ..every(Duration::from_millis(100)) };
        let config = CacheConfig { timing, ..fetched("old", &server) };
        let host = setup.host([config]).await;
        let running = Running::start(&host);
        let old = name("old");
        eventually("the source has failed", async || setup.status(&old).await.last_error().is_some()).await;
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
    let life = Duration::from_secs(2);
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

/// GitHub and firewalls answer 403 to too many requests, and a login may fail for a moment: nothing that a source says
/// may stop a cache for good.
#[tokio::test]
async fn a_source_that_denies_for_a_while_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => answer(401, ""),
        1 => answer(403, ""),
        _ => answer(200, AIRLINES),
    })
    .await;
    let setup = Setup::new();
    let config = CacheConfig { timing: every(Duration::from_secs(3_600)), ..fetched("denied", &server) };
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    let denied = name("denied");
    let kind = async || setup.status(&denied).await.last_error().map(|error| error.kind.clone());
    eventually("it is denied", async || kind().await.as_deref() == Some("denied")).await;
    eventually("it is published", async || !setup.is_missing(&denied).await).await;
    running.stop().await;
    assert!(gaps(&server)[0] >= Duration::from_secs(1) && gaps(&server)[1] >= Duration::from_secs(2));
    assert_eq!(setup.status(&denied).await.failing, []);
}

/// A plugin that says that its settings are wrong may be wrong itself: a maintenance page looks like that, too.
#[tokio::test]
async fn settings_that_the_plugin_calls_invalid_are_tried_again_with_growing_delays() {
    let setup = Setup::new();
    let settings = json!({ "fail": { "kind": "invalid-settings", "message": "no such table" } });
    let config = CacheConfig { timing: every(BRIEF), ..cache("invalid", guest("echo"), settings) };
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    let invalid = name("invalid");
    eventually("it has failed twice", async || {
        setup.status(&invalid).await.failing.first().is_some_and(|failing| failing.times >= 2)
    })
    .await;
    let status = setup.status(&invalid).await;
    let failing = &status.failing[0];
    assert_eq!(failing.last.kind, "invalid-settings");
    assert!(failing.since < failing.last.at && failing.host.contains("process"), "{failing:?}");
    running.stop().await;
}

#[tokio::test]
async fn failures_are_counted_over_all_hosts() {
    let server = Server::start(|_| answer(503, "")).await;
    let setup = Setup::new();
    let config = CacheConfig { timing: every(Duration::from_secs(3_600)), ..fetched("away", &server) };
    let (first, second) = (setup.host([config.clone()]).await, beside(&setup, config).await);
    let running = [Running::start(&first), Running::start(&second)];
    eventually("the source was asked again and again", async || server.requests().len() >= 4).await;
    for running in running {
        running.stop().await;
    }
    for (gap, least) in gaps(&server).iter().zip([1, 2, 4]) {
        assert!(*gap >= Duration::from_secs(least), "{:?}", gaps(&server));
    }
}

#[tokio::test]
async fn a_host_with_a_wrong_configuration_does_not_slow_the_others() {
    let server = Server::start(|request| match request.uri.path() {
        "/" => answer(200, AIRLINES),
        _ => answer(401, ""),
    })
    .await;
    let setup = Setup::new();
    let right = CacheConfig { timing: every(BRIEF), ..fetched("shared", &server) };
    let settings = Settings::new(json!({ "url": server.url("/wrong") })).unwrap();
    let wrong = CacheConfig { settings, ..right.clone() };
    let (first, second) = (setup.host([wrong]).await, beside(&setup, right).await);
    let shared = name("shared");
    let is_failing = async || !setup.status(&shared).await.failing.is_empty();
    let (began, wrong) = (Instant::now(), Running::start(&first));
    eventually("the wrong one fails", is_failing).await;
    let right = Running::start(&second);
    let loads = || server.requests().iter().filter(|request| request.path == "/").count();
    eventually("the right one loads at its pace", async || loads() >= 20).await;
    assert!(is_failing().await, "no success of the right one hides the wrong one");
    // It waits for 1, 2 and 4 seconds, and then for five.
    let most = 5 + began.elapsed().as_secs() as usize / 5;
    assert!(
        server.requests().len() - loads() <= most,
        "the wrong one leaves the source alone: {}",
        server.requests().len()
    );
    wrong.stop().await;
    right.stop().await;
}

#[tokio::test]
async fn a_load_that_waits_for_a_dead_network_does_not_keep_a_healthy_cache_from_its_turn() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| held.holds(AIRLINES)).await;
    let setup = Setup::new();
    let healthy = cache("healthy", guest("echo"), json!({ "entries": { "FR": 1 } }));
    let healthy = CacheConfig { timing: every(Duration::from_millis(200)), ..healthy };
    let (host, skipped) =
        setup.builder().caches([fetched("dead", &server), healthy]).max_loads(1).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    let running = Running::start(&host);
    eventually("the source is asked", async || server.requests().len() == 1).await;
    let mut checks = std::collections::BTreeSet::new();
    eventually("the healthy one is refilled again and again", async || {
        checks.extend(setup.status(&name("healthy")).await.presence.whole().map(|head| head.checked_at));
        checks.len() >= 4
    })
    .await;
    assert!(setup.is_missing(&name("dead")).await);
    gate.open();
    eventually("the other one goes on where it was", async || !setup.is_missing(&name("dead")).await).await;
    running.stop().await;
}

#[tokio::test]
async fn hosts_that_have_their_files_in_different_places_share_marks() {
    let server = Server::start(|request| match request.headers.get("if-none-match") {
        Some(_) => answer(304, ""),
        None => {
            let mut response = answer(200, AIRLINES);
            response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
            response
        }
    })
    .await;
    let setup = Setup::new();
    for place in ["a", "b"] {
        let base = setup.path().join(place);
        std::fs::create_dir_all(base.join("data")).unwrap();
        let mut config = fetched("shared", &server);
        config.grants.dirs.push(DirGrant::new("data", &base));
        let outcome = setup.refill(config).await;
        assert_eq!(matches!(outcome, Outcome::Unchanged { .. }), place == "b", "{place}: {outcome:?}");
    }
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

/// How many answers are under way at the most while all caches of a host are loaded, each waiting until `together` are.
async fn most_at_a_time(max_loads: usize, together: usize, load_all: impl AsyncFn(&Host)) -> usize {
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
    load_all(&host).await;
    seen.load(Ordering::SeqCst)
}

#[tokio::test]
async fn only_so_many_caches_are_loaded_at_a_time() {
    let refill_all = async |host: &Host| {
        let outcomes = host.refill_all().await;
        assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Published { .. })), "{outcomes:?}");
    };
    assert_eq!(most_at_a_time(1, 1, refill_all).await, 1);
    assert_eq!(most_at_a_time(3, 3, refill_all).await, 3);
    let load_dry = async |host: &Host| {
        let dry = async |cache: &str| assert_eq!(host.load_dry(cache, |_| {}).await.unwrap(), Ok(1));
        tokio::join!(dry("a"), dry("b"), dry("c"));
    };
    assert_eq!(most_at_a_time(1, 1, load_dry).await, 1);
    assert_eq!(most_at_a_time(3, 3, load_dry).await, 3);
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
    // The lease cannot be given back, and two seconds are the time to try it.
    let bound = drain_timeout + Duration::from_secs(2);
    assert!(began.elapsed() >= bound && began.elapsed() < bound + Duration::from_secs(20), "{:?}", began.elapsed());
    gate.open();
}
