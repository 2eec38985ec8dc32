//! Entries and marks that cannot be published: the load fails, names the entry, and what was
//! published stays.

use kiwi_host::{CacheConfig, FailureKind, Limits, Outcome};
use serde_json::json;

use crate::support::{Setup, assert_failure, attack, cache, guest, loaded, name};

#[tokio::test]
async fn a_value_that_is_no_json_is_named() {
    let failure = attack(cache("attacked", guest("bad_json"), json!({}))).await;
    let says = ["`broken`", "is not JSON", r#"`{\"name\": \"Ryan`"#];
    assert_failure(&failure, FailureKind::InvalidEntry, &says);
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_no_json() {
    let failure = attack(cache("attacked", guest("lone_surrogate"), json!({}))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`half`", "is not JSON", r"\ud800"]);
}

#[tokio::test]
async fn nesting_has_a_limit() {
    let failure = attack(cache("attacked", guest("nested_arrays"), json!({}))).await;
    assert_failure(&failure, FailureKind::Limit, &["`deep`", "more than 127 deep", "limits.json_depth"]);
}

#[tokio::test]
async fn a_key_twice_in_a_batch_is_named() {
    let failure = attack(cache("attacked", guest("duplicate_in_batch"), json!({}))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` came twice", "expected each key once"]);
}

#[tokio::test]
async fn a_key_twice_across_batches_is_named() {
    let failure = attack(cache("attacked", guest("duplicate_keys"), json!({}))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` came twice", "expected each key once"]);
}

#[tokio::test]
async fn an_empty_key_is_refused() {
    let failure = attack(cache("attacked", guest("empty_key"), json!({}))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["empty key", "at least one character"]);
}

#[tokio::test]
async fn a_long_key_is_refused() {
    let failure = attack(cache("attacked", guest("long_key"), json!({}))).await;
    let says = ["`kkk", "has 600 bytes", "more than the 511 B allowed", "limits.key_bytes"];
    assert_failure(&failure, FailureKind::Limit, &says);
}

#[tokio::test]
async fn a_refused_entry_fails_the_load_whatever_the_guest_makes_of_it() {
    let failure = attack(cache("attacked", guest("ignored_emit_error"), json!({}))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`broken`", "is not JSON"]);
}

#[tokio::test]
async fn a_mark_has_a_limit() {
    let failure = attack(cache("attacked", guest("big_mark"), json!({}))).await;
    assert_failure(&failure, FailureKind::Contract, &["a mark of 4097 bytes", "at most 4096"]);

    let setup = Setup::new();
    let outcome = loaded(&setup, cache("largest", guest("big_mark"), json!({ "bytes": 4096 }))).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    let mark = setup.head(&name("largest")).await.mark.expect("the mark is published with the map");
    assert!(mark.ends_with(&"m".repeat(4096)), "{mark}");
}

#[tokio::test]
async fn unchanged_means_no_entries() {
    let setup = Setup::new();
    let config = cache("attacked", guest("unchanged_with_entries"), json!({}));
    let outcome = setup.refill(config.clone()).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");

    let Outcome::Failed(failure) = setup.refill(config.clone()).await else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Contract, &["`unchanged` and emits entries", "expected one or the other"]);
    assert_eq!(json!(setup.published(&config.name).await), json!({ "FR": 1 }));
}

/// What is published came from another loader, so that this one has no mark to be unchanged since.
#[tokio::test]
async fn unchanged_means_that_its_own_map_is_published() {
    let failure = attack(cache("attacked", guest("unchanged_without_published"), json!({}))).await;
    let says = ["`unchanged`, but there is no published mark", "expected entries"];
    assert_failure(&failure, FailureKind::Contract, &says);
}

#[tokio::test]
async fn an_empty_map_is_published_only_where_it_is_allowed() {
    let failure = attack(cache("attacked", guest("empty"), json!({}))).await;
    assert_failure(&failure, FailureKind::Empty, &["empty map", "allow_empty_data = true"]);

    let setup = Setup::new();
    let allowed = CacheConfig { allow_empty_data: true, ..cache("allowed", guest("empty"), json!({})) };
    let outcome = loaded(&setup, allowed).await;
    assert!(matches!(outcome, Outcome::Published { entries: 0, .. }), "{outcome:?}");
    assert!(setup.published(&name("allowed")).await.is_empty());
}

/// The limits of an operator bind, and not only their defaults.
#[tokio::test]
async fn limits_of_an_entry_can_be_set() {
    let settings = json!({ "entries": { "airline": [["Ryanair"]] } });
    for (limits, says) in [
        (Limits { key_bytes: 6, ..Limits::default() }, "limits.key_bytes"),
        (Limits { value_bytes: 12, ..Limits::default() }, "limits.value_bytes"),
        (Limits { json_depth: 1, ..Limits::default() }, "limits.json_depth"),
    ] {
        let setup = Setup::new();
        let config = CacheConfig { limits, ..cache("limited", guest("echo"), settings.clone()) };
        let Outcome::Failed(failure) = setup.refill(config).await else { panic!("{says} does not bind") };
        assert_failure(&failure, FailureKind::Limit, &["`airline`", says]);
        assert!(setup.is_missing(&name("limited")).await);
    }
    let limits =
        Limits { key_bytes: 7, value_bytes: 13, json_depth: 2, entries: 1, total_bytes: 20, ..Limits::default() };
    let config = CacheConfig { limits, ..cache("limited", guest("echo"), settings) };
    let outcome = Setup::new().refill(config).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, bytes: 20, .. }), "{outcome:?}");
}
