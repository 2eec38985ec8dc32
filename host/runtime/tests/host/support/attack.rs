//! A hostile guest beside a cache that must not notice.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kiwi_host::{CacheConfig, Failure, Outcome};
use serde_json::json;

use super::{Running, Setup, cache, eventually, every, guest};

/// How often the witness is refilled.
const WITNESS_INTERVAL: Duration = Duration::from_millis(100);
/// The witness must be refilled at least this often on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is published before the attack, and must be after it.
fn old() -> serde_json::Value {
    json!({ "FR": "Ryanair", "LH": "Lufthansa" })
}

/// Loads a hostile guest in a host that runs, and gives the failure it must come to: what was
/// published stays, and the error is kept beside it. See [`loaded`].
pub(crate) async fn attack(attacker: CacheConfig) -> Failure {
    let setup = Setup::new();
    let outcome = loaded(&setup, attacker.clone()).await;
    let Outcome::Failed(failure) = outcome else { panic!("expected a failure, got {outcome:?}") };
    assert_eq!(setup.head(&attacker.name).await.seq, 1, "the attack has published something");
    assert_eq!(json!(setup.published(&attacker.name).await), old());
    let status = setup.status(&attacker.name).await;
    let kept = status.last_error().expect("the failure is kept in the store");
    assert_eq!((kept.kind.as_str(), kept.message.as_str()), (failure.kind.as_str(), failure.message.as_str()));
    failure
}

/// Loads a guest once, over a map published before, in a host that keeps another cache, the witness,
/// on its schedule. All of it runs on one thread: a guest that does not give way stops everything.
///
/// # Panics
/// The witness missed its schedule during the load or after it.
pub(crate) async fn loaded(setup: &Setup, attacker: CacheConfig) -> Outcome {
    let witness = CacheConfig {
        timing: every(WITNESS_INTERVAL),
        ..cache("witness", guest("echo"), json!({ "entries": { "here": true } }))
    };
    let (attacker_name, witness_name) = (attacker.name.clone(), witness.name.clone());
    publish_old(setup, &attacker).await;
    // What was published a moment ago is fresh: it is this test that loads it, not the schedule.
    let attacker = CacheConfig { timing: every(Duration::from_secs(3600)), ..attacker };
    let host = setup.host([attacker, witness]).await;
    let running = Running::start(&host);
    eventually("the witness is published", async || !setup.is_missing(&witness_name).await).await;

    let (began, mut checks) = (Instant::now(), BTreeSet::new());
    let mut refill = std::pin::pin!(host.refill(&attacker_name));
    let outcome = loop {
        tokio::select! {
            outcome = &mut refill => break outcome.expect("the host runs this cache"),
            () = tokio::time::sleep(WITNESS_INTERVAL / 4) => checks.insert(setup.head(&witness_name).await.checked_at),
        };
    };
    let periods = began.elapsed().as_millis() / PATIENCE.as_millis();
    assert!(checks.len() as u128 >= periods, "the witness was refilled {} times in {periods} s", checks.len());

    let last = setup.head(&witness_name).await.checked_at;
    eventually("the witness is refilled again", async || setup.head(&witness_name).await.checked_at > last).await;
    running.stop().await;
    outcome
}

async fn publish_old(setup: &Setup, attacker: &CacheConfig) {
    let outcome = setup.refill(cache(attacker.name.as_str(), guest("echo"), json!({ "entries": old() }))).await;
    assert!(matches!(outcome, Outcome::Published { entries: 2, .. }), "{outcome:?}");
}
