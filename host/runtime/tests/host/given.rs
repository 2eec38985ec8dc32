//! Loaders whose map was handed to them, such as rows on standard input: no other host can load it.

use std::sync::Arc;

use kiwi_host::{CacheConfig, FailureKind, Host, Limits, LoadError, Loader, Outcome, Output};
use kiwi_store::Batch;
use kiwi_store::testing::{FaultyStore, Method};
use serde_json::json;
use tokio::sync::Notify;

use crate::native::does;
use crate::support::{Setup, assert_failure, attack, eventually, log_of, name, refill};

/// Has one entry, and waits to be let on if it is told to.
struct Given {
    value: u32,
    gate: Option<Arc<Notify>>,
}

impl Loader for Given {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let value = self.value.to_string();
        out.emit_batch(&[("value", value.as_str())].into_iter().collect()).await
    }

    fn shares_source(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn what_was_given_is_published_after_what_another_host_publishes() {
    let (setup, name, gate) = (Setup::new(), name("given-twice"), Arc::new(Notify::new()));
    let first = setup.host([CacheConfig::native(name.clone(), Given { value: 1, gate: Some(gate.clone()) })]).await;
    let of_second = FaultyStore::new(setup.store.clone());
    let second = [CacheConfig::native(name.clone(), Given { value: 2, gate: None })];
    let (second, _) = Host::builder(Arc::new(of_second.clone())).caches(second).build().await.unwrap();
    let (first_name, second_name) = (name.clone(), name.clone());
    let loading = tokio::spawn(async move { refill(&first, &first_name).await });
    eventually("the first host loads", async || setup.status(&name).await.holder.is_some()).await;
    let waiting = tokio::spawn(async move { refill(&second, &second_name).await });
    let waits = || log_of(&name).iter().filter(|line| line.message.contains("waiting until it has finished")).count();
    eventually("the second host waits", async || waits() == 1).await;
    let looked = of_second.calls(Method::Begin);
    eventually("it has looked again several times", async || of_second.calls(Method::Begin) >= looked + 3).await;
    gate.notify_one();
    for outcome in [loading.await.unwrap(), waiting.await.unwrap()] {
        assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    }
    assert_eq!(json!(setup.published(&name).await), json!({ "value": 2 }));
    assert_eq!((setup.head(&name).await.seq, waits()), (2, 1), "it says once that it waits");
}

/// A loader that emits numbers in batches, and the last of them once more; it says where an entry that is refused was.
fn numbers(limits: Limits, last: &'static str) -> CacheConfig {
    let load = does("attacked", move |out| {
        Box::pin(async move {
            let numbers: Vec<String> = (0..1_200).map(|number| format!("key-{number}")).collect();
            let mut all: Vec<(&str, &str)> = numbers.iter().map(|key| (key.as_str(), "1")).collect();
            all.push(("last", last));
            all.push(("key-7", "1"));
            for batch in all.chunks(601) {
                let batch: Batch = batch.iter().copied().collect();
                out.emit_batch(&batch).await.map_err(|error| {
                    let entry = error.entry().expect("the entry is known");
                    error.context(format_args!("row {entry}"))
                })?;
            }
            Ok(())
        })
    });
    CacheConfig { limits, ..load }
}

#[tokio::test]
async fn a_refusal_says_which_entry_it_is_and_the_loader_where_it_comes_from() {
    let limits = Limits::default;
    let failure = attack(numbers(limits(), "1")).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["row 1202: the key `key-7` came twice"]);
    let failure = attack(numbers(limits(), "{a: 1}")).await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["row 1201: the value of key `last` is not JSON"]);
    let failure = attack(numbers(Limits { entries: 777, ..limits() }, "1")).await;
    assert_failure(&failure, FailureKind::Limit, &["row 778: the map has more than the 777 entries", "limits.entries"]);
    let failure = attack(numbers(Limits { value_bytes: 1, ..limits() }, "11")).await;
    assert_failure(&failure, FailureKind::Limit, &["row 1201: the value of key `last`", "limits.value_bytes"]);
}

#[tokio::test]
async fn a_loader_cannot_replace_a_refusal_by_what_it_adds() {
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            let refused = out.emit("", &1).await.unwrap_err();
            Err(LoadError::unavailable(format!("as if the source were away: {refused}")))
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::InvalidEntry, &["an entry has an empty key"]);
    assert!(!failure.message.contains("away"), "{failure}");
}
