//! What the tasks of a host share: its caches, the store, the places for loads.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use kiwi_store::{Batch, Due, Error, Name, Store};
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::caches::{Caches, Entry, Refused};
use super::host_name::HostName;
use crate::config::compilation::Compilation;
use crate::config::http_options::HttpOptions;
use crate::definition::cache::{Cache, Definition};
use crate::definition::config::CacheConfig;
use crate::definition::identity::DigestKey;
use crate::definition::prepare::{self, Prepared, Skipped};
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::events::stream::Events;
use crate::failure::{Failure, FailureKind};
use crate::refill::attempt::{Attempt, refill};
use crate::refill::context::Context;
use crate::refill::dry::load_dry;
use crate::refill::turn::{Turn, Turns};
use crate::sandbox::shared::Sandbox;
use crate::sandbox_error::SandboxError;

/// What the tasks of a host share.
#[derive(Debug)]
pub(crate) struct Supervisor {
    caches: ArcSwap<Caches>,
    /// Serialises changes of `caches`, and tells the tasks that they have changed.
    changed: watch::Sender<()>,
    pub(crate) events: Events,
    turns: Turns,
    /// The hosts of a store with the same key share marks, and count failures together.
    digest_key: DigestKey,
    /// This host, as it reports to the store.
    pub(super) host: HostName,
    /// The caches that cannot run, and why.
    pub(super) refused: Mutex<BTreeMap<Name, Refused>>,
    compilation: Compilation,
    http: HttpOptions,
    /// Plugins run in here. Made when the first plugin is.
    sandbox: OnceCell<Sandbox>,
}

impl Supervisor {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        events: Events,
        max_loads: usize,
        compilation: Compilation,
        http: HttpOptions,
        digest_key: DigestKey,
    ) -> Self {
        Self {
            caches: ArcSwap::from_pointee(Caches::none(store)),
            changed: watch::Sender::new(()),
            events,
            turns: Turns::new(max_loads),
            digest_key,
            host: HostName::of_this_process(),
            refused: Mutex::default(),
            compilation,
            http,
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
        let new = async || Sandbox::with_http(self.compilation.clone(), self.turns.max_places(), self.http.clone());
        self.sandbox.get_or_try_init(new).await
    }

    /// Waits until all databases know that their loads have ended.
    pub(super) async fn sources_left(&self) {
        if let Some(sandbox) = self.sandbox.get() {
            sandbox.sources_left().await;
        }
    }

    /// Compiles plugins and checks what they need. Where all loaders are native, no sandbox is made.
    ///
    /// # Errors
    /// There are plugins, and this machine cannot run WebAssembly at all.
    pub(crate) async fn define(&self, configs: Vec<CacheConfig>) -> Result<Prepared, SandboxError> {
        let has_plugins = configs.iter().any(|config| config.plugin().is_some());
        let sandbox = if has_plugins { Some(self.sandbox().await?) } else { None };
        Ok(prepare::definitions(configs, self.turns.max_loads(), sandbox, &self.digest_key).await)
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

    /// Remembers that caches cannot run, unless one runs that was configured before: their hosts' reports say so.
    pub(crate) fn refuse(&self, skipped: &[Skipped]) {
        let caches = self.caches();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for Skipped { cache, error, .. } in skipped.iter().filter(|skipped| caches.find(&skipped.cache).is_none()) {
            refused.insert(cache.clone(), Refused { message: error.to_string(), since: Instant::now() });
        }
    }

    /// Ends a cache. What it has published stays. `false`: there is no such cache.
    pub(crate) fn remove(&self, name: &Name) -> bool {
        self.changed.send_if_modified(|()| {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            let remaining = self.caches.load().without(name);
            remaining.map(|caches| self.replace(caches)).is_some()
        })
    }

    /// Puts another set of caches in place, and ends what runs of entries that are not in it.
    fn replace(&self, caches: Caches) {
        let before = self.caches.swap(Arc::new(caches.clone()));
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| caches.find(name).is_none());
        for entry in &before.entries {
            if caches.find(entry.cache.name()).is_none_or(|kept| !Arc::ptr_eq(kept, entry)) {
                entry.replaced.cancel();
            }
        }
    }

    /// Waits until this cache may load.
    pub(super) async fn turn(&self, cache: &Cache) -> Turn<'_> {
        self.turns.take(cache.standing.has_failed.load(Ordering::Relaxed)).await
    }

    /// What every step of a refill of this cache needs.
    pub(super) fn context<'a>(&'a self, store: &'a dyn Store, cache: &'a Cache) -> Context<'a> {
        Context::new(store, cache, &self.events, &self.host.name)
    }

    /// Runs one cache's loader and hands its entries to `sink`, without a store.
    pub(crate) async fn load_dry(&self, cache: &Cache, sink: impl FnMut(&Batch)) -> Result<u64, Failure> {
        let _turn = self.turn(cache).await;
        load_dry(cache, sink).await
    }

    /// One attempt. A panic, which is a bug of ours, is a failure of this cache and of no other.
    pub(super) async fn attempt(
        &self,
        store: &dyn Store,
        cache: &Cache,
        due: Due,
        turn: &Turn<'_>,
        stop: &CancellationToken,
    ) -> Attempt {
        let refilling = refill(self.context(store, cache), due, turn, stop);
        let attempt = std::panic::AssertUnwindSafe(refilling).catch_unwind().await.unwrap_or_else(|_| {
            let message = "kiwi-host itself panicked while it loaded this cache; please report it with the log \
                           lines before this one";
            Attempt::unrecorded(cache, Failure::new(FailureKind::Internal, message))
        });
        cache.standing.has_failed.store(attempt.outcome.failure().is_some(), Ordering::Relaxed);
        attempt
    }

    /// Reports how an attempt ended, and when the next one follows, where that is known.
    pub(super) fn tell(&self, cache: &Cache, outcome: &Outcome, next: Option<Duration>) {
        self.events.of(&cache.definition.label).emit(CacheEvent::Ended { outcome, next });
    }
}
