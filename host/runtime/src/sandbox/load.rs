//! One load: an instance is made, called once, and gone.

use std::time::Duration;

use kiwi_cache::Name;
use tokio::time::Instant;
use wasmtime::{Result, Store};

use super::bindings::kiwi::loader::entries::{Entry, LoadError};
use super::imports;
use super::state::{Capabilities, State};
use super::{Plugin, trap};
use crate::config::{Grants, Limits};
use crate::failure::{Failure, FailureKind};
use crate::http::Door;
use crate::output::{Output, Totals};

/// What one load is given.
pub(crate) struct Load<'a> {
    pub(crate) cache: &'a Name,
    pub(crate) settings: String,
    pub(crate) grants: &'a Grants,
    pub(crate) limits: &'a Limits,
    pub(crate) door: std::sync::Arc<Door>,
    pub(crate) published_mark: Option<String>,
}

/// What came of a load that succeeded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) ended: Ended,
    /// The mark the loader set, if it did.
    pub(crate) mark: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All entries were sent on.
    Map(Totals),
    /// The source still stands at the published mark.
    Unchanged,
}

impl Plugin {
    /// Runs `load-from-source` once, in an instance of its own, and sends its entries to `output`.
    ///
    /// # Errors
    /// The loader's own error, a refusal, a trap, or a limit.
    pub(crate) async fn load(&self, load: Load<'_>, output: Output) -> Result<Loaded, Failure> {
        let had_mark = load.published_mark.is_some();
        let deadline = Deadline::after(load.limits.load_timeout);
        deadline.bounds(find_directories(load.grants)).await?;
        let capabilities = Capabilities {
            cache: load.cache,
            settings: load.settings,
            grants: load.grants,
            limits: load.limits,
            door: load.door,
            output: Some(output),
            published_mark: load.published_mark,
        };
        let mut store = State::store(self.pre.engine(), capabilities)?;
        let returned = deadline.bounds(self.call(&mut store)).await.map_err(|failure| {
            let detail = Some(store.data().log.stderr_tail()).filter(|tail| !tail.is_empty());
            Failure { detail, ..failure }
        });
        if let Some(refused) = store.data().wasi_http_refused() {
            store.data_mut().refuse(refused);
        }
        let entries = settle(returned, &store)?;
        deadline.bounds(finish(entries, store.into_data(), had_mark)).await?
    }

    async fn call(&self, store: &mut Store<State>) -> Called {
        let loader = self.pre.instantiate_async(&mut *store).await?;
        loader.call_load_from_source(store).await
    }
}

/// The end of the time that a load has for all its steps.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    async fn bounds<T>(self, step: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout_at(self.at, step).await.map_err(|_| {
            let message = format!("the load took longer than {}", humantime::format_duration(self.timeout));
            Failure::limit("load_timeout", message)
        })
    }
}

/// Touches the granted directories where a file system that hangs (a lost mount) blocks only this
/// load. What is wrong with one is said when it is opened.
async fn find_directories(grants: &Grants) {
    for dir in &grants.dirs {
        let _ = tokio::fs::metadata(&dir.path).await;
    }
}

/// What wasmtime gives: a trap, or what the loader returned.
type Called = Result<std::result::Result<Vec<Entry>, LoadError>>;

/// What counts of a call that came back: a limit or a trap, then the first refusal, then the
/// loader's own word.
fn settle(returned: Result<Called, Failure>, store: &Store<State>) -> Result<Vec<Entry>, Failure> {
    let state = store.data();
    let called = match (returned, &state.refusal) {
        (_, Some(refusal)) => return Err(refusal.clone()),
        (returned, None) => returned?,
    };
    let result = called.map_err(|error| trap::failure(&error, store))?;
    result.map_err(|error| {
        let mut failure = imports::failure(error);
        if failure.kind == FailureKind::Unavailable {
            failure.retry_after = state.retry_after;
        }
        failure
    })
}

/// Adds what was returned to what was emitted, and checks that the loader kept to the contract.
async fn finish(returned: Vec<Entry>, mut state: State, had_mark: bool) -> Result<Loaded, Failure> {
    let contract = |message: &str| Failure::new(FailureKind::Contract, message);
    let Some(mut output) = state.output.take() else {
        return Err(contract("the loader returned within a call of its own"));
    };
    let mark = state.marks.set.take();
    if state.marks.unchanged {
        if output.entries() > 0 || !returned.is_empty() {
            return Err(contract("the loader says `unchanged` and gives entries: expected one or the other"));
        }
        if !had_mark {
            return Err(contract(
                "the loader says `unchanged`, but nothing is published that it knows: expected entries when `mark.published` is none",
            ));
        }
        return Ok(Loaded { ended: Ended::Unchanged, mark });
    }
    for entry in returned {
        output.push(&entry.key, &entry.value)?;
        if output.is_full() {
            output.flush().await?;
        }
    }
    Ok(Loaded { ended: Ended::Map(output.finish().await?), mark })
}
