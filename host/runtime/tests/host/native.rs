//! Loaders in plain Rust: published as a component's map is, refused for the same reasons, and as unable
//! to harm the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use kiwi_host::{CacheConfig, FailureKind, Limits, LoadError, Loader, Outcome, Output, Settings};
use kiwi_store::LeaseState;
use serde_json::json;
use tokio::sync::Notify;

use crate::redis_server::RedisServer;
use crate::support::{Running, Setup, assert_failure, attack, cache, eventually, every, guest, name, refill};

/// Loads as a test says.
pub(crate) struct Does<F>(F);

impl<F> Loader for Does<F>
where
    F: for<'a> Fn(&'a mut Output) -> BoxFuture<'a, Result<(), LoadError>> + Send + Sync + 'static,
{
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        (self.0)(out).await
    }
}

/// A cache whose loader does this.
pub(crate) fn does<F>(name: &str, load: F) -> CacheConfig
where
    F: for<'a> Fn(&'a mut Output) -> BoxFuture<'a, Result<(), LoadError>> + Send + Sync + 'static,
{
    CacheConfig::native(name.parse().unwrap(), Does(load))
}

#[derive(serde::Serialize)]
struct Airline {
    name: &'static str,
    country: Option<&'static str>,
    fleet: (u32, f64),
}

struct Airlines;

impl Loader for Airlines {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        out.emit("FR", &Airline { name: "Ryanair", country: Some("Éire"), fleet: (600, 0.5) }).await?;
        out.emit("XX", &Airline { name: "\"X\"", country: None, fleet: (0, 1e300) }).await?;
        out.emit("name only", "Ryanair").await?;
        out.emit_json("digits", "[1.10, 1180591620717411303424]").await?;
        Ok(())
    }
}

#[tokio::test]
async fn typed_values_are_published_as_json() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let outcome = setup.refill(CacheConfig::native(name("airlines"), Airlines)).await;
    assert!(matches!(outcome, Outcome::Published { entries: 4, .. }), "{outcome:?}");
    let stored: BTreeMap<String, String> = redis.command(&["HGETALL", "kiwi:{airlines}"]).unwrap();
    assert_eq!(stored["FR"], r#"{"name":"Ryanair","country":"Éire","fleet":[600,0.5]}"#);
    assert_eq!(stored["XX"], r#"{"name":"\"X\"","country":null,"fleet":[0,1e+300]}"#);
    assert_eq!(stored["name only"], "\"Ryanair\"");
    assert_eq!(stored["digits"], "[1.10, 1180591620717411303424]", "the digits are kept");
}

pub(crate) struct Numbers(pub(crate) u32);

impl Loader for Numbers {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        for number in 0..self.0 {
            out.emit(&format!("key-{number}"), &number).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_large_map_goes_in_batches_and_a_smaller_one_replaces_it() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    for entries in [50_000, 20_000] {
        let outcome = setup.refill(CacheConfig::native(name("numbers"), Numbers(entries))).await;
        assert!(matches!(outcome, Outcome::Published { entries: n, .. } if n == u64::from(entries)), "{outcome:?}");
        let published = setup.published(&name("numbers")).await;
        assert_eq!(published.len(), entries as usize);
        assert!((0..entries).all(|n| published[&format!("key-{n}")] == json!(n)));
    }
    assert_eq!(setup.head(&name("numbers")).await.seq, 2);
    let again = setup.refill(CacheConfig::native(name("numbers"), Numbers(20_000))).await;
    assert!(matches!(again, Outcome::Unchanged { entries: 20_000, .. }), "{again:?}");
}

#[tokio::test]
async fn each_of_a_loaders_errors_is_told_as_it_is() {
    type Says = fn() -> LoadError;
    let errors: [(Says, FailureKind, &str); 6] = [
        (|| LoadError::unavailable("the database is away"), FailureKind::Unavailable, "the database is away"),
        (|| LoadError::invalid_settings("no such table"), FailureKind::InvalidSettings, "no such table"),
        (|| LoadError::denied("the password is wrong"), FailureKind::Denied, "the password is wrong"),
        (|| LoadError::other("row 7 is odd"), FailureKind::Other, "row 7 is odd"),
        (|| "x".parse::<u32>().unwrap_err().into(), FailureKind::Other, "invalid digit found in string"),
        (
            || LoadError::denied("no\nright").context("reading \u{1b}[31mairlines"),
            FailureKind::Denied,
            r"reading \u{1b}[31mairlines: no\nright",
        ),
    ];
    for (error, kind, message) in errors {
        let failure = attack(does("attacked", move |_| Box::pin(async move { Err(error()) }))).await;
        assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
    }
}

#[tokio::test]
async fn a_source_that_asks_for_patience_is_left_alone() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let patient = does("patient", |_| {
        Box::pin(async { Err(LoadError::unavailable("slow down").retry_after(Duration::from_secs(3600))) })
    });
    let Outcome::Failed(failure) = setup.refill(patient).await else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Unavailable, &["slow down"]);
    let status = setup.status(&name("patient")).await;
    let LeaseState::Backoff { until } = status.lease else { panic!("{status:?}") };
    assert!(until > status.now + Duration::from_secs(3590), "{status:?}");
}

#[tokio::test]
async fn a_load_that_waits_for_ever_ends_at_its_timeout() {
    let limits = Limits { load_timeout: Duration::from_secs(1), ..Limits::default() };
    let waits = does("attacked", |_| Box::pin(std::future::pending()));
    let failure = attack(CacheConfig { limits, ..waits }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 1s", "limits.load_timeout"]);
}

/// Code that never awaits has a thread of the service. The load ends without it, and so does the host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_never_awaits_ends_at_its_timeout() {
    let done = Arc::new(AtomicBool::new(false));
    let told = done.clone();
    let spins = does("attacked", move |_| {
        let told = told.clone();
        Box::pin(async move {
            while !told.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        })
    });
    let limits = Limits { load_timeout: Duration::from_secs(1), ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..spins }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 1s", "limits.load_timeout"]);
    done.store(true, Ordering::Relaxed);
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_load_only() {
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            out.emit("FR", &1).await?;
            panic!("row {} is odd", 7)
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::Trap, &["the loader panicked: row 7 is odd"]);
}

/// A source with a change number.
struct Marked {
    version: &'static str,
    change: &'static str,
}

impl Loader for Marked {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        if out.mark() == Some(self.change) {
            out.unchanged();
            return Ok(());
        }
        let seen = out.mark().map(str::to_owned);
        out.set_mark(self.change);
        out.emit("seen", &seen).await
    }

    fn version(&self) -> &str {
        self.version
    }
}

#[tokio::test]
async fn a_mark_comes_back_and_means_nothing_to_another_version() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let marked = |version, change| CacheConfig::native(name("marked"), Marked { version, change });
    let outcome = setup.refill(marked("1", "a")).await;
    let Outcome::Published { id, .. } = outcome else { panic!("{outcome:?}") };
    let first = setup.head(&name("marked")).await;
    eventually("it is checked again, later by a millisecond", async || {
        // Each by a host of its own: the mark is in the store.
        let outcome = setup.refill(marked("1", "a")).await;
        assert!(matches!(outcome, Outcome::Unchanged { id: same, .. } if same == id), "{outcome:?}");
        setup.head(&name("marked")).await.checked_at > first.checked_at
    })
    .await;
    let last = setup.head(&name("marked")).await;
    assert_eq!((last.seq, &last.mark), (first.seq, &first.mark));

    for (version, change, seen) in [("1", "b", json!("a")), ("2", "b", json!(null))] {
        setup.refill(marked(version, change)).await;
        assert_eq!(json!(setup.published(&name("marked")).await), json!({ "seen": seen }));
    }
}

#[tokio::test]
async fn unchanged_must_fit_what_was_given_and_what_is_published() {
    let failure = attack(does("attacked", |out| {
        Box::pin(async {
            out.unchanged();
            Ok(())
        })
    }))
    .await;
    assert_failure(&failure, FailureKind::Contract, &["`unchanged`, but there is no published mark"]);

    let setup = Setup::new();
    let marked = does("marked", |out| {
        Box::pin(async {
            out.set_mark("a");
            if out.mark().is_some() {
                out.unchanged();
            }
            out.emit("FR", &1).await
        })
    });
    assert!(matches!(setup.refill(marked.clone()).await, Outcome::Published { .. }));
    let Outcome::Failed(failure) = setup.refill(marked).await else { panic!("expected a failure") };
    assert_failure(&failure, FailureKind::Contract, &["`unchanged` and emits entries"]);
}

#[tokio::test]
async fn an_empty_map_is_published_only_where_that_is_allowed() {
    let failure = attack(does("attacked", |_| Box::pin(async { Ok(()) }))).await;
    assert_failure(&failure, FailureKind::Empty, &["allow_empty_data"]);
    let allowed = CacheConfig { allow_empty_data: true, ..does("empty", |_| Box::pin(async { Ok(()) })) };
    let outcome = Setup::new().refill(allowed).await;
    assert!(matches!(outcome, Outcome::Published { entries: 0, .. }), "{outcome:?}");
}

#[tokio::test]
async fn both_kinds_of_loaders_run_in_one_host() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let interval = every(Duration::from_millis(100));
    let component = cache("component", guest("echo"), json!({ "entries": { "FR": 1 } }));
    let host = setup
        .host([
            CacheConfig { timing: interval, ..component },
            CacheConfig { timing: interval, ..CacheConfig::native(name("native"), Numbers(3)) },
        ])
        .await;
    let instances = host.instances();
    let told: Vec<_> = instances
        .iter()
        .map(|instance| (instance.name().as_str(), instance.timing().refill_interval, instance.loader().to_string()))
        .collect();
    let interval = Duration::from_millis(100);
    let component = guest("echo").display().to_string();
    assert_eq!(told, [("component", interval, component), ("native", interval, "host::native::Numbers".to_owned())]);

    let running = Running::start(&host);
    for name in ["component", "native"].map(name) {
        eventually("it is published", async || !setup.is_missing(&name).await).await;
        let first = setup.head(&name).await.checked_at;
        eventually("it is refilled", async || setup.head(&name).await.checked_at > first).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_host_stops_while_a_native_load_waits() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let source = Arc::new(Notify::new());
    let never = source.clone();
    let config = does("waiting", move |_| {
        let never = never.clone();
        Box::pin(async move {
            never.notified().await;
            Ok(())
        })
    });
    let host = setup.host([config]).await;
    let running = Running::draining_for(&host, Duration::from_millis(100));
    eventually("the host loads", async || host.instances().iter().all(|instance| instance.progress().is_loading()))
        .await;
    running.stop().await;
    let status = setup.status(&name("waiting")).await;
    assert_eq!((status.lease, status.last_error()), (LeaseState::Free, None));
    // Only the loader holds its source.
    eventually("the load is gone", async || Arc::strong_count(&source) == 2).await;
}

#[tokio::test]
async fn settings_and_grants_are_refused() {
    let setup = Setup::new();
    let native = || CacheConfig::native(name("native"), Numbers(1));
    let settings = Settings::new(json!({ "path": "x" })).unwrap();
    let error = setup.refusal(CacheConfig { settings, ..native() }).await.to_string();
    assert!(error.starts_with("loader host::native::Numbers: ") && error.contains("no settings"), "{error}");
    let mut config = native();
    config.grants.env.push("LANG".into());
    let error = setup.refusal(config).await.to_string();
    assert!(error.contains("no grants"), "{error}");
}

#[tokio::test]
async fn a_native_load_may_be_dry() {
    let setup = Setup::new();
    let host = setup.host([CacheConfig::native(name("numbers"), Numbers(1_234))]).await;
    let mut keys = 0;
    let entries = host.load_dry("numbers", |batch| keys += batch.len()).await.unwrap().unwrap();
    assert_eq!((entries, keys), (1_234, 1_234));
    assert!(setup.is_missing(&name("numbers")).await);
    assert!(matches!(refill(&host, &name("numbers")).await, Outcome::Published { .. }));
}
