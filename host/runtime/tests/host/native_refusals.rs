//! What a loader in Rust gives is checked as what a component gives, and it cannot hide a refusal.

use std::time::Duration;

use kiwi_host::{CacheConfig, FailureKind, Limits, LoadError};

use crate::native::{Numbers, does};
use crate::support::{assert_failure, attack, name};

/// A value that serde cannot write.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a lock is poisoned"))
    }
}

#[tokio::test]
async fn what_is_no_entry_is_refused_by_its_key() {
    let failure = attack(does("attacked", |out| Box::pin(async { out.emit_json("FR", "{a: 1}").await }))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` is not JSON", "`{a: 1}`"]);
    let failure = attack(does("attacked", |out| Box::pin(async { out.emit("FR", &Unwritable).await }))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` cannot be written as JSON", "a lock is poisoned"]);
    let failure = attack(does("attacked", |out| Box::pin(async { out.emit("", &1).await }))).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["an empty key"]);
}

#[tokio::test]
async fn a_repeated_key_is_refused_however_far_away_the_first_is() {
    for between in [0, 3_000] {
        let failure = attack(does("attacked", move |out| {
            Box::pin(async move {
                out.emit("FR", &1).await?;
                for number in 0..between {
                    out.emit(&number.to_string(), &number).await?;
                }
                out.emit("FR", &2).await
            })
        }))
        .await;
        assert_failure(&failure, FailureKind::InvalidEntry, &["`FR` came twice"]);
    }
}

#[tokio::test]
async fn limits_hold_as_they_do_for_a_component() {
    let few = Limits { entries: 1_000, ..Limits::default() };
    let small = Limits { total_bytes: 1_000, ..Limits::default() };
    let short = Limits { value_bytes: 3, ..Limits::default() };
    let numbers = || CacheConfig::native(name("attacked"), Numbers(2_000));
    for (limits, says) in [(few, "limits.entries"), (small, "limits.total_bytes"), (short, "limits.value_bytes")] {
        let failure = attack(CacheConfig { limits, ..numbers() }).await;
        assert_failure(&failure, FailureKind::Limit, &[says]);
    }
}

/// What was refused before a loader hangs is still why the load has failed.
#[tokio::test]
async fn a_loader_cannot_hide_a_refusal_by_waiting() {
    let limits = Limits { load_timeout: Duration::from_secs(1), ..Limits::default() };
    let hides = does("attacked", |out| {
        Box::pin(async {
            let _ = out.emit("", &1).await;
            std::future::pending().await
        })
    });
    let failure = attack(CacheConfig { limits, ..hides }).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["an empty key"]);
}

#[tokio::test]
async fn a_loader_cannot_swallow_a_refusal() {
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            let refused = out.emit_json("bad", "nul").await.unwrap_err();
            let again = out.emit("good", &1).await.unwrap_err();
            assert_eq!((again.kind(), again.to_string()), (FailureKind::InvalidEntry, refused.to_string()));
            Ok(())
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["`bad` is not JSON"]);
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            let _ = out.emit("", &1).await;
            Err(LoadError::unavailable("as if the source were away"))
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["an empty key"]);
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            out.set_mark("x".repeat(4_097));
            out.emit("FR", &1).await
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::Contract, &["a mark of 4097 bytes"]);
}
