//! What the tasks of a host share: its caches, the store, the places for loads.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use kiwi_store::{Due, Error, Name, Store};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::caches::{Caches, Entry};
use crate::definition::cache::{Cache, Definition};
use crate::definition::config::CacheConfig;
use crate::definition::prepare::{self, Prepared, Skipped};
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::events::stream::Events;
use crate::failure::{Failure, FailureKind};
use crate::refill::attempt::refill;
use crate::refill::context::Context;
use crate::sandbox::shared::Sandbox;
use crate::sandbox_error::SandboxError;

/// What the tasks of a host share.
#[derive(Debug)]
pub(crate) struct Supervisor {
    caches: ArcSwap<Caches>,
    /// Serialises changes of `caches`, and tells the tasks that they have changed.
    changed: watch::Sender<()>,
    pub(crate) events: Events,
    /// One permit a load.
    loads: Semaphore,
    max_loads: usize,
    compile_cache: Option<PathBuf>,
    /// Plugins run in here. Made when the first plugin is.
    sandbox: OnceCell<Sandbox>,
}

impl Supervisor {
    pub(crate) fn new(store: Arc<dyn Store>, events: Events, max_loads: usize, compile_cache: Option<PathBuf>) -> Self {
        Self {
            caches: ArcSwap::from_pointee(Caches::none(store)),
            changed: watch::Sender::new(()),
            events,
            loads: Semaphore::new(max_loads),
            max_loads,
            compile_cache,
            sandbox: OnceCell::new(),
        }
    }

    /// The caches as they are now.
    pub(crate) fn caches(&self) -> Arc<Caches> {
        self.caches.load_full()
    }

    /// # Errors
    /// This host runs no such cache (`is_invalid`).
    pub(crate) fn find(&self, name: &Name) -> kiwi_store::Result<Arc<Entry>> {
        let caches = self.caches();
        caches.find(name).cloned().ok_or_else(|| {
            let names = caches.names().iter().map(Name::to_string).collect::<Vec<_>>().join(", ");
            Error::invalid(format!("this host does not run it: expected one of [{names}]")).of(name)
        })
    }

    /// Hears of each change of the set of caches from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Where plugins run.
    ///
    /// # Errors
    /// This machine cannot run WebAssembly at all.
    async fn sandbox(&self) -> Result<&Sandbox, SandboxError> {
        let new = async || Sandbox::new(self.compile_cache.clone(), self.max_loads);
        self.sandbox.get_or_try_init(new).await
    }

    /// Compiles plugins and checks what they need. Where all loaders are native, no sandbox is made.
    ///
    /// # Errors
    /// There are plugins, and this machine cannot run WebAssembly at all.
    pub(crate) async fn define(&self, configs: Vec<CacheConfig>) -> Result<Prepared, SandboxError> {
        let has_plugins = configs.iter().any(|config| config.plugin().is_some());
        let sandbox = if has_plugins { Some(self.sandbox().await?) } else { None };
        Ok(prepare::definitions(configs, self.max_loads, sandbox).await)
    }

    /// Adds caches, and replaces the definitions of those that are there. Returns those whose layout the
    /// store does not have.
    pub(crate) fn insert(&self, definitions: Vec<Definition>) -> Vec<Skipped> {
        let mut skipped = Vec::new();
        self.changed.send_modify(|()| {
            let (caches, refused) = self.caches.load().with(definitions);
            self.replace(caches);
            skipped = refused;
        });
        skipped
    }

    /// Ends a cache. What it has published stays. `false`: there is no such cache.
    pub(crate) fn remove(&self, name: &Name) -> bool {
        self.changed.send_if_modified(|()| {
            let remaining = self.caches.load().without(name);
            remaining.map(|caches| self.replace(caches)).is_some()
        })
    }

    /// Puts another set of caches in place, and ends what runs of entries that are not in it.
    fn replace(&self, caches: Caches) {
        let before = self.caches.swap(Arc::new(caches.clone()));
        for entry in &before.entries {
            if caches.find(entry.cache.name()).is_none_or(|kept| !Arc::ptr_eq(kept, entry)) {
                entry.replaced.cancel();
            }
        }
    }

    /// Waits for one of the places for loads.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.loads.acquire().await.expect("the semaphore is never closed")
    }

    /// One attempt. A panic, which is a bug of ours, is a failure of this cache and of no other.
    pub(super) async fn attempt(
        &self,
        store: &dyn Store,
        cache: &Cache,
        due: Due,
        stop: &CancellationToken,
    ) -> Outcome {
        let refilling = refill(Context::new(store, cache, &self.events), due, stop);
        std::panic::AssertUnwindSafe(refilling).catch_unwind().await.unwrap_or_else(|_| {
            let message = "kiwi-host itself panicked while it loaded this cache; please report it with the log \
                           lines before this one";
            Outcome::Failed(Failure::new(FailureKind::Internal, message))
        })
    }

    /// Reports how an attempt ended, after the one before.
    pub(super) fn report(&self, cache: &Cache, outcome: &Outcome, before: Option<&Outcome>) {
        self.events.of(&cache.definition.label).emit(CacheEvent::Ended { outcome, before });
    }
}
