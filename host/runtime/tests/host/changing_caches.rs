//! Caches are added, replaced and ended while their host runs.

use std::time::Duration;

use kiwi_host::{CacheConfig, FailureKind, Outcome};
use kiwi_store::LeaseState;
use serde_json::json;

use crate::support::{Running, Server, Setup, answer, cache, eventually, every, fetched, guest, name, refill};

fn echo(cache_name: &str, value: u32) -> CacheConfig {
    let config = cache(cache_name, guest("echo"), json!({ "entries": { "FR": value } }));
    CacheConfig { timing: every(Duration::from_millis(100)), ..config }
}

#[tokio::test]
async fn a_cache_that_is_added_is_kept_warm_and_one_that_is_removed_is_not() {
    let setup = Setup::new();
    let host = setup.host([echo("first", 1)]).await;
    let running = Running::start(&host);
    host.insert(echo("second", 2)).await.unwrap();
    let second = name("second");
    eventually("it is published", async || !setup.is_missing(&second).await).await;
    let checked = setup.head(&second).await.checked_at;
    eventually("it is refilled", async || setup.head(&second).await.checked_at > checked).await;
    assert_eq!(host.instances().iter().map(|it| it.name().to_string()).collect::<Vec<_>>(), ["first", "second"]);

    assert!(host.remove("second").unwrap());
    assert!(!host.remove("second").unwrap());
    assert!(host.refill("second").await.unwrap_err().is_invalid());
    // The other goes on, through several intervals, and this one does not.
    eventually("its load has ended", async || setup.status(&second).await.lease == LeaseState::Free).await;
    let (first, ended) = (setup.head(&name("first")).await.checked_at, setup.head(&second).await.checked_at);
    let later = first + Duration::from_millis(400);
    eventually("the other is refilled", async || setup.head(&name("first")).await.checked_at > later).await;
    assert_eq!(setup.head(&second).await.checked_at, ended);
    assert_eq!(setup.text(&second, "FR").await, "2", "what it has published stays");
    running.stop().await;
}

#[tokio::test]
async fn a_cache_that_is_replaced_serves_on_and_what_is_known_of_its_data_stays_known() {
    let setup = Setup::new();
    let host = setup.host([echo("airlines", 1)]).await;
    let running = Running::start(&host);
    let airlines = name("airlines");
    eventually("it is published", async || !setup.is_missing(&airlines).await).await;
    let before = setup.head(&airlines).await;

    // The same data under another configuration: the same snapshot, checked.
    host.insert(CacheConfig { allow_empty_data: true, ..echo("airlines", 1) }).await.unwrap();
    eventually("it is refilled", async || setup.head(&airlines).await.checked_at > before.checked_at).await;
    assert_eq!(setup.head(&airlines).await.id, before.id);

    host.insert(echo("airlines", 2)).await.unwrap();
    eventually("the new configuration publishes", async || setup.text(&airlines, "FR").await == "2").await;
    assert!(setup.head(&airlines).await.seq > before.seq);
    running.stop().await;
    assert_eq!(setup.status(&airlines).await.lease, LeaseState::Free);
}

#[tokio::test]
async fn a_load_under_way_is_abandoned_for_the_new_configuration() {
    let setup = Setup::new();
    let config = cache("airlines", guest("endless_loop"), json!({}));
    let airlines = config.name.clone();
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    eventually("it loads", async || matches!(setup.status(&airlines).await.lease, LeaseState::Held { .. })).await;
    host.insert(echo("airlines", 3)).await.unwrap();
    eventually("the new configuration publishes", async || !setup.is_missing(&airlines).await).await;
    assert_eq!(setup.text(&airlines, "FR").await, "3");
    running.stop().await;
}

#[tokio::test]
async fn a_broken_configuration_leaves_the_running_one_alone() {
    let setup = Setup::new();
    let host = setup.host([echo("airlines", 1)]).await;
    let error = host.insert(cache("airlines", setup.path().join("absent.wasm"), json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("there is no such file"), "{error}");
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { .. }));
}

#[tokio::test]
async fn failures_in_a_row_are_counted_across_configurations() {
    let server = Server::start(|_| answer(503, "")).await;
    let setup = Setup::new();
    let host = setup.host([fetched("rates", &server)]).await;
    let rates = name("rates");
    let backoff = async || match setup.status(&rates).await {
        status @ kiwi_store::Status { lease: LeaseState::Backoff { until }, .. } => {
            until.duration_since(status.now).unwrap_or_default()
        }
        status => panic!("expected a backoff, got {status:?}"),
    };
    for _ in 0..3 {
        let outcome = refill(&host, &rates).await;
        assert_eq!(outcome.failure().map(|failure| failure.kind), Some(FailureKind::Unavailable));
    }
    assert!(backoff().await > Duration::from_secs(2));
    host.insert(CacheConfig { allow_empty_data: true, ..fetched("rates", &server) }).await.unwrap();
    refill(&host, &rates).await;
    assert!(backoff().await > Duration::from_secs(4), "the fourth failure in a row");
}

#[tokio::test]
async fn a_configuration_that_loads_something_else_is_loaded_at_once() {
    let setup = Setup::new();
    let slow = |value| CacheConfig { timing: every(Duration::from_secs(3600)), ..echo("airlines", value) };
    let host = setup.host([slow(1)]).await;
    let running = Running::start(&host);
    let airlines = name("airlines");
    eventually("it is published", async || !setup.is_missing(&airlines).await).await;
    host.insert(slow(2)).await.unwrap();
    eventually("the new configuration publishes", async || setup.text(&airlines, "FR").await == "2").await;
    running.stop().await;
}

#[tokio::test]
async fn a_refill_that_somebody_waits_for_is_abandoned_when_its_cache_is_replaced() {
    let setup = Setup::new();
    let config = cache("airlines", guest("endless_loop"), json!({}));
    let airlines = config.name.clone();
    let host = setup.host([config]).await;
    let (outcome, ()) = tokio::join!(host.refill(&airlines), async {
        eventually("it loads", async || matches!(setup.status(&airlines).await.lease, LeaseState::Held { .. })).await;
        host.insert(echo("airlines", 3)).await.unwrap();
    });
    assert_eq!(outcome.unwrap(), Outcome::Abandoned);
    assert!(matches!(refill(&host, &airlines).await, Outcome::Published { .. }));
}
