//! One load: an instance is made, called once, and gone.

use kiwi_cache::Name;
use wasmtime::{Result, Store};

use super::bindings::kiwi::loader::entries::{Entry, LoadError};
use super::imports;
use super::state::{Capabilities, State};
use super::{Plugin, trap};
use crate::config::{Grants, Limits};
use crate::deadline::Deadline;
use crate::failure::{Failure, FailureKind};
use crate::http::Door;
use crate::intake::Intake;
use crate::loaded::Loaded;

/// What one load is given.
pub(crate) struct Load<'a> {
    pub(crate) cache: &'a Name,
    pub(crate) settings: String,
    pub(crate) grants: &'a Grants,
    pub(crate) limits: &'a Limits,
    pub(crate) door: std::sync::Arc<Door>,
    pub(crate) published_mark: Option<String>,
}

impl Plugin {
    /// Runs `load-from-source` once, in an instance of its own, and sends its entries to `intake`.
    ///
    /// # Errors
    /// The loader's own error, a refusal, a trap, or a limit.
    pub(crate) async fn load(&self, load: Load<'_>, intake: Intake) -> Result<Loaded, Failure> {
        let deadline = Deadline::after(load.limits.load_timeout);
        deadline.bounds(find_directories(load.grants)).await?;
        let capabilities = Capabilities {
            cache: load.cache,
            settings: load.settings,
            grants: load.grants,
            limits: load.limits,
            door: load.door,
            intake: Some(intake),
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
        deadline.bounds(finish(entries, store.into_data())).await?
    }

    async fn call(&self, store: &mut Store<State>) -> Called {
        let loader = self.pre.instantiate_async(&mut *store).await?;
        loader.call_load_from_source(store).await
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

/// Adds what was returned to what was emitted.
async fn finish(returned: Vec<Entry>, state: State) -> Result<Loaded, Failure> {
    let Some(mut intake) = state.intake else {
        return Err(Failure::new(FailureKind::Contract, "the loader returned within a call of its own"));
    };
    for entry in returned {
        intake.take(&entry.key, &entry.value).await?;
    }
    state.marks.conclude(intake).await
}
