//! One load: an instance is made, called once, and gone.

use std::sync::Arc;

use wasmtime::{Result, Store};

use super::bindings::kiwi::loader::entries::{Entry, LoadError};
use super::imports;
use super::state::{Capabilities, State};
use super::{Plugin, trap};
use crate::config::{CacheConfig, Grants};
use crate::deadline::Deadline;
use crate::failure::{Failure, FailureKind};
use crate::http::{Door, Policy};
use crate::intake::Intake;
use crate::loaded::Loaded;

/// A plugin as one cache runs it.
#[derive(Debug)]
pub(crate) struct Component {
    plugin: Arc<Plugin>,
    door: Arc<Door>,
}

impl Component {
    pub(crate) fn new(plugin: Arc<Plugin>, grants: &Grants) -> Self {
        Self { plugin, door: Arc::new(Door::new(Policy::new(grants.http.clone()))) }
    }

    /// Runs `load-from-source` once, in an instance of its own, and sends its entries to `intake`.
    ///
    /// # Errors
    /// The loader's own error, a refusal, a trap, or a limit.
    pub(crate) async fn load(
        &self,
        cache: &CacheConfig,
        published_mark: Option<String>,
        intake: Intake,
    ) -> Result<Loaded, Failure> {
        let deadline = Deadline::after(cache.limits.load_timeout);
        deadline.bounds(find_directories(&cache.grants)).await?;
        let capabilities = Capabilities {
            cache: &cache.name,
            settings: cache.settings.to_json(),
            grants: &cache.grants,
            limits: &cache.limits,
            door: self.door.clone(),
            intake: Some(intake),
            published_mark,
        };
        let mut store = State::store(self.plugin.pre.engine(), capabilities)?;
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
        let loader = self.plugin.pre.instantiate_async(&mut *store).await?;
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
