//! Maps that were loaded and are not published: the old one stays, and the numbers are told.

use std::time::{Duration, Instant};

use kiwi_host::{AskedTiming, CacheConfig, Failure, FailureKind, Guards, LoadError, Loader, Outcome, Output};
use kiwi_store::{LeaseState, Ttl};
use serde_json::json;

use crate::redis_server::RedisServer;
use crate::support::{Running, Setup, assert_failure, cache, eventually, every, guest, name};

/// A cache of so many entries, which differ from one generation to the next.
fn counted(entries: u32, generation: u32, guards: Guards) -> CacheConfig {
    let settings = json!({ "entries": entries, "generation": generation });
    CacheConfig { guards, ..cache("counted", guest("counter"), settings) }
}

fn shrinking(by: &str) -> Guards {
    Guards { max_shrink: Some(by.parse().unwrap()), ..Guards::default() }
}

fn at_least(entries: u64) -> Guards {
    Guards { min_entries: Some(entries), ..Guards::default() }
}

#[track_caller]
fn failure(outcome: Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("expected a failure, got {outcome:?}") };
    failure
}

#[tokio::test]
async fn a_map_that_shrank_too_much_leaves_the_old_one() {
    let setup = Setup::new();
    let guards = shrinking("30%");
    let old = counted(200, 1, guards);
    setup.refill(old.clone()).await;
    let before = setup.head(&old.name).await;

    let failure = failure(setup.refill(counted(120, 2, guards)).await);
    let numbers = ["120 entries", "40% fewer than the 200 published", "allows 30%", "refill counted --force"];
    assert_failure(&failure, FailureKind::Guard, &numbers);
    assert_eq!(setup.head(&old.name).await, before);
    assert_eq!(setup.published(&old.name).await.len(), 200);
    let status = setup.status(&old.name).await;
    let error = status.last_error().expect("the refusal is kept");
    assert_eq!((error.kind.as_str(), &error.message), ("guard", &failure.message));
    let LeaseState::Backoff { until } = status.lease else { panic!("{:?}", status.lease) };
    assert!(until > status.now, "the source is left alone for a while");

    // Exactly as much less as is allowed.
    let outcome = setup.refill(counted(140, 3, guards)).await;
    assert!(matches!(outcome, Outcome::Published { entries: 140, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_map_with_too_few_entries_is_refused_even_where_nothing_is_published() {
    let setup = Setup::new();
    let few = counted(99, 1, at_least(100));
    let failure = failure(setup.refill(few.clone()).await);
    assert_failure(&failure, FailureKind::Guard, &["99 entries", "`min_entries` requires 100"]);
    assert!(setup.is_missing(&few.name).await);
    let outcome = setup.refill(counted(100, 1, at_least(100))).await;
    assert!(matches!(outcome, Outcome::Published { entries: 100, .. }), "{outcome:?}");
}

struct OneEntry;

impl Loader for OneEntry {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        out.emit("FR", "Ryanair").await
    }
}

#[tokio::test]
async fn a_native_loader_is_held_to_the_same_and_not_sent_to_the_command() {
    let setup = Setup::new();
    let native = CacheConfig { guards: at_least(2), ..CacheConfig::native(name("native"), OneEntry) };
    let failure = failure(setup.refill(native).await);
    assert_failure(
        &failure,
        FailureKind::Guard,
        &["1 entry,", "requires 2", "from a host that runs this cache without"],
    );
}

#[tokio::test]
async fn what_is_published_already_is_not_held_against_the_guards_again() {
    let setup = Setup::new();
    let small = counted(50, 1, Guards::default());
    setup.refill(small.clone()).await;
    let outcome = setup.refill(counted(50, 1, at_least(100))).await;
    assert!(matches!(outcome, Outcome::Unchanged { entries: 50, .. }), "{outcome:?}");
    let failure = failure(setup.refill(counted(50, 2, at_least(100))).await);
    assert_eq!(failure.kind, FailureKind::Guard);
}

#[tokio::test]
async fn a_lost_map_cannot_shrink() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let guards = shrinking("0%");
    let old = counted(200, 1, guards);
    setup.refill(old.clone()).await;
    redis.command::<()>(&["DEL", "kiwi:{counted}:meta"]).unwrap();
    let outcome = setup.refill(counted(10, 2, guards)).await;
    assert!(matches!(outcome, Outcome::Published { entries: 10, .. }), "{outcome:?}");
    let failure = failure(setup.refill(counted(9, 3, guards)).await);
    assert_failure(&failure, FailureKind::Guard, &["9 entries", "10% fewer than the 10 published", "allows 0%"]);
}

/// Allowed to be empty is not allowed to become empty.
#[tokio::test]
async fn an_empty_map_has_to_pass_the_guards_as_well() {
    let setup = Setup::new();
    let guards = shrinking("99%");
    setup.refill(counted(200, 1, guards)).await;
    let empty = CacheConfig { allow_empty_data: true, ..counted(0, 2, guards) };
    let failure = failure(setup.refill(empty).await);
    assert_failure(&failure, FailureKind::Guard, &["no entries", "100% fewer than the 200 published"]);
}

#[tokio::test]
async fn the_old_map_outlives_refusals() {
    let setup = Setup::new();
    let life = Duration::from_secs(2);
    let timing = AskedTiming { cache_ttl: Some(Ttl::For(life)), ..every(Duration::from_millis(100)) };
    let refused = CacheConfig { timing, ..counted(120, 2, shrinking("30%")) };
    let name = refused.name.clone();
    setup.refill(CacheConfig { timing, ..counted(200, 1, Guards::default()) }).await;
    let host = setup.host([refused]).await;
    let running = Running::start(&host);
    eventually("it is refused", async || setup.status(&name).await.last_error().is_some()).await;
    let refused_at = Instant::now();
    eventually("its data would have gone three times over", async || {
        assert_eq!(setup.status(&name).await.presence.whole().map(|head| head.entries), Some(200));
        refused_at.elapsed() > life * 3
    })
    .await;
    running.stop().await;
}
