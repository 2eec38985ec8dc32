//! One refill from lease to commit: what is published, what is left alone, what is kept of a failure.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use kiwi_host::{AskedTiming, CacheConfig, FailureKind, Outcome};
use kiwi_store::testing::{Fault, FaultyStore, Method};
use kiwi_store::{Begin, Due, Holder, LeaseState};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::redis_server::RedisServer;
use crate::support::{
    Gate, Running, Server, Setup, answer, assert_failure, cache, eventually, every, fetched, guest, log_of, name,
    refill,
};

#[tokio::test]
async fn a_mark_comes_back_at_the_next_load() {
    let setup = Setup::new();
    let settings = json!({ "entries": { "FR": 1 }, "mark": "v1", "show_mark": true });
    let config = cache("marked", guest("echo"), settings);
    for expected in [json!(null), json!("v1"), json!("v1")] {
        // Each by a host of its own: the mark is in the store.
        setup.refill(config.clone()).await;
        assert_eq!(setup.published(&config.name).await["published"], expected);
    }
}

#[tokio::test]
async fn a_mark_means_nothing_to_other_settings() {
    let setup = Setup::new();
    let settings = |fr| json!({ "entries": { "FR": fr }, "mark": "v1", "show_mark": true });
    setup.refill(cache("marked", guest("echo"), settings(1))).await;
    setup.refill(cache("marked", guest("echo"), settings(2))).await;
    assert_eq!(json!(setup.published(&name("marked")).await), json!({ "FR": 2, "published": null }));
}

#[tokio::test]
async fn a_mark_means_nothing_to_another_build() {
    let setup = Setup::new();
    let settings = json!({ "entries": { "FR": 1 }, "mark": "v1", "show_mark": true });
    setup.refill(cache("marked", guest("echo"), settings.clone())).await;
    // A custom section more makes another file, and the same loader.
    let mut bytes = fs::read(guest("echo")).unwrap();
    bytes.extend_from_slice(b"\0\x05\x04kiwi");
    let rebuilt = setup.path().join("rebuilt.wasm");
    fs::write(&rebuilt, bytes).unwrap();
    setup.refill(cache("marked", rebuilt, settings)).await;
    assert_eq!(json!(setup.published(&name("marked")).await), json!({ "FR": 1, "published": null }));
}

#[tokio::test]
async fn unchanged_writes_no_data_and_keeps_the_mark() {
    let setup = Setup::new();
    let config = cache("marked", guest("echo"), json!({ "entries": { "FR": 1 }, "mark": "v1", "unchanged": true }));
    let outcome = setup.refill(config.clone()).await;
    let Outcome::Published { id, entries: 1, .. } = outcome else { panic!("{outcome:?}") };
    let first = setup.head(&config.name).await;
    for _ in 0..2 {
        let outcome = setup.refill(config.clone()).await;
        assert!(matches!(outcome, Outcome::Unchanged { id: same, entries: 1, .. } if same == id), "{outcome:?}");
    }
    let last = setup.head(&config.name).await;
    assert!(last.checked_at > first.checked_at);
    assert_eq!((last.id, last.seq, last.loaded_at, &last.mark), (first.id, first.seq, first.loaded_at, &first.mark));
}

#[tokio::test]
async fn a_map_that_came_out_the_same_keeps_its_id() {
    let setup = Setup::new();
    let config = cache("same", guest("counter"), json!({ "entries": 3_000, "generation": 7 }));
    let outcome = setup.refill(config.clone()).await;
    let Outcome::Published { id, entries: 3_000, .. } = outcome else { panic!("{outcome:?}") };
    let first = setup.head(&config.name).await;
    let outcome = setup.refill(config.clone()).await;
    assert!(matches!(outcome, Outcome::Unchanged { id: same, entries: 3_000, .. } if same == id), "{outcome:?}");
    let second = setup.head(&config.name).await;
    assert!(second.checked_at > first.checked_at);
    assert_eq!((second.seq, second.loaded_at), (first.seq, first.loaded_at));

    let changed = cache("same", guest("counter"), json!({ "entries": 3_000, "generation": 8 }));
    let outcome = setup.refill(changed).await;
    assert!(matches!(outcome, Outcome::Published { id: other, .. } if other != id), "{outcome:?}");
    let published = setup.published(&config.name).await;
    let generations: BTreeMap<_, _> = published.values().map(|value| (value["generation"].to_string(), ())).collect();
    assert_eq!((published.len(), generations.into_keys().collect::<Vec<_>>()), (3_000, vec!["8".to_owned()]));
}

#[tokio::test]
async fn a_failure_keeps_the_data_and_is_kept_until_a_success() {
    let setup = Setup::new();
    let good = cache("airlines", guest("echo"), json!({ "entries": { "FR": 1 } }));
    let bad = cache("airlines", guest("echo"), json!({ "fail": { "kind": "other", "message": "the source is odd" } }));
    setup.refill(good.clone()).await;
    let before = setup.head(&good.name).await;

    let host = setup.host([bad]).await;
    let Outcome::Failed(failure) = refill(&host, &good.name).await else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Other, &["the source is odd"]);
    assert_eq!(setup.head(&good.name).await, before);
    let status = setup.status(&good.name).await;
    let error = status.last_error().expect("the failure is kept");
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("other", "the source is odd"));

    // Another host with another configuration says nothing of it; its own host does.
    setup.refill(good.clone()).await;
    assert!(setup.status(&good.name).await.last_error().is_some());
    host.insert(good.clone()).await.unwrap();
    assert!(matches!(refill(&host, &good.name).await, Outcome::Unchanged { .. }));
    assert_eq!(setup.status(&good.name).await.last_error(), None);
}

#[tokio::test]
async fn each_kind_of_a_loaders_error_is_told_as_it_is() {
    for (kind, expected) in [
        ("unavailable", FailureKind::Unavailable),
        ("invalid-settings", FailureKind::InvalidSettings),
        ("denied", FailureKind::Denied),
        ("other", FailureKind::Other),
    ] {
        let setup = Setup::new();
        let settings = json!({ "fail": { "kind": kind, "message": "so it says" } });
        let Outcome::Failed(failure) = setup.refill(cache("failing", guest("echo"), settings)).await else {
            panic!("expected a failure")
        };
        assert_eq!((failure.kind, failure.message.as_str()), (expected, "so it says"));
        let kept = setup.status(&name("failing")).await.last_error().map(|error| error.kind.clone());
        assert_eq!(kept.as_deref(), Some(kind));
    }
}

#[tokio::test]
async fn a_source_that_asks_for_patience_is_left_alone_by_every_host() {
    let server = Server::start(|_| {
        let mut response = answer(429, "slow down");
        response.headers_mut().insert("retry-after", "3600".parse().unwrap());
        response
    })
    .await;
    let setup = Setup::new();
    let config = fetched("patient", &server);
    let Outcome::Failed(failure) = setup.refill(config.clone()).await else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Unavailable, &["429"]);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(3600)));

    let status = setup.status(&config.name).await;
    let LeaseState::Backoff { until } = status.lease else { panic!("{status:?}") };
    assert!(until > status.now + Duration::from_secs(3590), "{status:?}");
    let other = Holder::new(status.failing[0].definition, "another host");
    let begun = setup.store.begin(&config.name, other, Duration::from_secs(1), Due::After(Duration::ZERO)).await;
    assert!(matches!(begun.unwrap(), Begin::Backoff { .. }));
}

#[tokio::test]
async fn a_dry_load_publishes_nothing() {
    let setup = Setup::new();
    let config = cache("dry", guest("counter"), json!({ "entries": 1_234, "generation": 1 }));
    let name = config.name.clone();
    let host = setup.host([config]).await;
    let mut keys = Vec::new();
    let sink = |batch: &kiwi_store::Batch| keys.extend(batch.iter().map(|(key, _)| key.to_owned()));
    let entries = host.load_dry(&name, sink).await.expect("the host runs this cache").unwrap();
    assert_eq!((entries, keys.len()), (1_234, 1_234));
    assert!(setup.is_missing(&name).await);

    let host = setup.host([cache("dry", guest("duplicate_keys"), json!({}))]).await;
    let failure = host.load_dry(&name, |_| {}).await.expect("the host runs this cache").unwrap_err();
    assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` came twice"]);
}

#[tokio::test]
async fn all_caches_are_refilled_in_their_order() {
    let setup = Setup::new();
    let echo = |name: &str| cache(name, guest("echo"), json!({ "entries": { "FR": name } }));
    let host = setup.host([echo("c"), cache("b", guest("trap"), json!({})), echo("a")]).await;
    let outcomes = host.refill_all().await;
    let told: Vec<_> = outcomes.iter().map(|(name, outcome)| (name.as_str(), outcome.failure().is_some())).collect();
    assert_eq!(told, [("c", false), ("b", true), ("a", false)]);
    let error = host.refill("unknown").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("expected one of [c, b, a]"), "{error}");
}

#[tokio::test]
async fn a_refill_waits_for_another_host_that_is_loading() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| held.holds(r#"{"FR": 1}"#)).await;
    let setup = Setup::new();
    // The load takes longer than the lease, which is renewed meanwhile.
    let timing = AskedTiming { lease_ttl: Some(Duration::from_secs(5)), ..every(Duration::from_secs(60)) };
    let config = CacheConfig { timing, ..fetched("waited-for", &server) };
    let name = config.name.clone();
    let (first, second) = (setup.host([config.clone()]).await, setup.host([config]).await);

    let loading = tokio::spawn({
        let name = name.clone();
        async move { refill(&first, &name).await }
    });
    eventually("the first host loads", async || server.requests().len() == 1).await;
    let held_until = async || match setup.status(&name).await.lease {
        LeaseState::Held { until } => until,
        other => panic!("expected the lease to be held, got {other:?}"),
    };
    let before = held_until().await;
    eventually("the lease has been renewed", async || held_until().await > before + Duration::from_secs(1)).await;

    let waiting = tokio::spawn({
        let name = name.clone();
        async move { refill(&second, &name).await }
    });
    eventually("the second host waits", async || {
        log_of(&name).iter().any(|line| line.message.contains("another host is loading it"))
    })
    .await;
    gate.open();
    let outcome = loading.await.unwrap();
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    let outcome = waiting.await.unwrap();
    assert!(matches!(outcome, Outcome::Fresh { .. }), "{outcome:?}");
    assert_eq!(server.requests().len(), 1, "the source was asked once");
}

#[tokio::test]
async fn a_lost_lease_publishes_nothing() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| held.holds(r#"{"FR": 1}"#)).await;
    let setup = Setup::new();
    let timing = AskedTiming { lease_ttl: Some(Duration::from_millis(300)), ..every(Duration::from_secs(60)) };
    let config = CacheConfig { timing, ..fetched("fenced", &server) };
    let name = config.name.clone();
    let host = setup.host([config]).await;
    let loading = tokio::spawn({
        let name = name.clone();
        async move { refill(&host, &name).await }
    });
    eventually("the host loads", async || server.requests().len() == 1).await;
    setup.store.forget(&name).await.unwrap();
    let Outcome::Failed(failure) = loading.await.unwrap() else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Store, &["the lease was lost while loading", "nothing was published"]);
    assert!(setup.is_missing(&name).await);
    gate.open();
}

#[tokio::test]
async fn a_running_host_gives_up_a_load_only_after_its_time_to_drain() {
    for (drain_timeout, finishes) in [(Duration::from_secs(30), true), (Duration::from_millis(200), false)] {
        let gate = Gate::default();
        let held = gate.clone();
        let server = Server::start(move |_| held.holds(r#"{"FR": 1}"#)).await;
        let setup = Setup::new();
        let config = fetched("draining", &server);
        let name = config.name.clone();
        let host = setup.host([config]).await;
        let running = Running::draining_for(&host, drain_timeout);
        eventually("the host loads", async || server.requests().len() == 1).await;

        let stopping = tokio::spawn(running.stop());
        if finishes {
            tokio::task::yield_now().await;
            assert!(!stopping.is_finished());
            gate.open();
        }
        stopping.await.unwrap();
        assert_eq!(setup.is_missing(&name).await, !finishes);
        let status = setup.status(&name).await;
        assert_eq!((status.lease, status.last_error()), (LeaseState::Free, None));
        gate.open();
    }
}

#[tokio::test]
async fn a_refill_that_is_stopped_gives_the_lease_back() {
    let setup = Setup::new();
    let config = cache("stopped", guest("endless_loop"), json!({}));
    let name = config.name.clone();
    let host = setup.host([config]).await;
    let stop = CancellationToken::new();
    let (outcome, ()) = tokio::join!(host.refill_until(&name, stop.cancelled()), async {
        eventually("it loads", async || matches!(setup.status(&name).await.lease, LeaseState::Held { .. })).await;
        stop.cancel();
    });
    assert_eq!(outcome.unwrap(), Outcome::Abandoned);
    assert_eq!(setup.status(&name).await.lease, LeaseState::Free);
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_not_a_failure() {
    let redis = RedisServer::start();
    for mut setup in [Setup::new(), Setup::on(&redis)] {
        let store = FaultyStore::new(setup.store.clone());
        setup.store = Arc::new(store.clone());
        let config = cache("airlines", guest("echo"), json!({ "entries": { "FR": 1 } }));
        let airlines = config.name.clone();
        let host = setup.host([config]).await;
        store.fail_next(Method::Commit, Fault::LostReply);
        let outcome = refill(&host, &airlines).await;
        assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
        // Nothing has changed: the commit only extends the life of what is published.
        let before = setup.head(&airlines).await;
        store.fail_next(Method::Commit, Fault::LostReply);
        let outcome = refill(&host, &airlines).await;
        assert!(matches!(outcome, Outcome::Unchanged { id, .. } if id == before.id), "{outcome:?}");
        let status = setup.status(&airlines).await;
        assert_eq!((status.lease, status.last_error()), (LeaseState::Free, None));
        assert!(setup.head(&airlines).await.checked_at > before.checked_at);
    }
}

/// The lease was given, and would keep all hosts waiting until it expires.
#[tokio::test]
async fn a_lease_whose_reply_is_lost_is_asked_for_again() {
    let redis = RedisServer::start();
    for mut setup in [Setup::new(), Setup::on(&redis)] {
        let store = FaultyStore::new(setup.store.clone());
        setup.store = Arc::new(store.clone());
        store.fail_next(Method::Begin, Fault::LostReply);
        let outcome = setup.refill(cache("airlines", guest("echo"), json!({ "entries": { "FR": 1 } }))).await;
        assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
        assert_eq!(store.calls(Method::Begin), 2);
    }
}
