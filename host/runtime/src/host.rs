//! The host: keeps caches warm until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use kiwi_cache::store::{Due, Store};
use kiwi_cache::{Batch, Name, Presence};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::config::CacheConfig;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::output::{Output, Parcel};
use crate::prepare::{self, Skipped};
use crate::progress::Progress;
use crate::refill::{failure_elsewhere, refill};
use crate::report;
use crate::sandbox::Sandbox;
use crate::schedule::{self, Next};

/// How often the heads of all caches are read: a map that is missing or lost is due at once.
const WATCH: Duration = Duration::from_secs(1);
/// How often to look whether another host has finished.
const LOOK: Duration = Duration::from_millis(200);

/// Keeps caches warm: runs their loaders on schedule and publishes what they give. See
/// [`Host::builder`].
#[derive(Clone, Debug)]
pub struct Host(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<dyn Store>,
    caches: Vec<Entry>,
    metrics: Metrics,
    /// One permit a load.
    loads: Semaphore,
    /// Plugins run in here: it must live as long as they.
    _sandbox: Sandbox,
}

#[derive(Debug)]
struct Entry {
    cache: Cache,
    /// Told when the data is found to be missing or lost.
    due: Notify,
}

/// What a [`Host`] is made of.
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn Store>,
    caches: Vec<CacheConfig>,
    metrics: Metrics,
    compile_cache: Option<PathBuf>,
    max_loads: usize,
}

impl Builder {
    /// Adds caches. No two may have one name.
    #[must_use]
    pub fn caches(mut self, caches: impl IntoIterator<Item = CacheConfig>) -> Self {
        self.caches.extend(caches);
        self
    }

    /// Where metrics go. Default: nowhere.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Where compiled plugins are kept, in a directory that nobody else may write. Default: they
    /// are compiled at each start.
    #[must_use]
    pub fn compile_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.compile_cache = Some(directory.into());
        self
    }

    /// How many caches are loaded at the same time. Default: 16.
    #[must_use]
    pub fn max_loads(mut self, max_loads: usize) -> Self {
        self.max_loads = max_loads.max(1);
        self
    }

    /// Compiles the plugins and checks what they need. A cache whose plugin cannot run is skipped
    /// and told of; the others run.
    ///
    /// # Errors
    /// This machine cannot run WebAssembly at all.
    pub async fn build(self) -> Result<(Host, Vec<Skipped>), crate::PluginError> {
        let sandbox = Sandbox::new(self.compile_cache, self.max_loads)?;
        let (caches, skipped) = prepare::caches(&sandbox, self.caches).await;
        let caches = caches.into_iter().map(|cache| Entry { cache, due: Notify::new() }).collect();
        let loads = Semaphore::new(self.max_loads);
        let shared = Shared { store: self.store, caches, metrics: self.metrics, loads, _sandbox: sandbox };
        Ok((Host(Arc::new(shared)), skipped))
    }
}

impl Host {
    /// Begins a host that publishes to `store`.
    #[must_use]
    pub fn builder(store: Arc<dyn Store>) -> Builder {
        Builder { store, caches: Vec::new(), metrics: Metrics::default(), compile_cache: None, max_loads: 16 }
    }

    /// The caches it runs, and how far their loads have come.
    pub fn caches(&self) -> impl Iterator<Item = (&Name, &Arc<Progress>)> {
        self.0.caches.iter().map(|entry| (&entry.cache.name, &entry.cache.progress))
    }

    /// Keeps all caches warm until `shutdown` ends; then starts no more loads, and gives those under
    /// way `drain_timeout` to finish before it drops them. Leases are given back.
    pub async fn run(&self, shutdown: impl Future<Output = ()>, drain_timeout: Duration) {
        let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for index in 0..self.0.caches.len() {
            let (shared, draining, stop) = (self.0.clone(), draining.clone(), stop.clone());
            tasks.spawn(async move { shared.keep_warm(&shared.caches[index], &draining, &stop).await });
        }
        let (shared, watching) = (self.0.clone(), draining.clone());
        tasks.spawn(async move { watching.run_until_cancelled_owned(shared.watch()).await.unwrap_or_default() });

        shutdown.await;
        draining.cancel();
        if tokio::time::timeout(drain_timeout, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Loads one cache now, however fresh it is. Where another host is loading it, waits for that
    /// and gives its result. `None`: there is no such cache.
    pub async fn refill(&self, cache: &Name, stop: &CancellationToken) -> Option<Outcome> {
        let entry = self.0.caches.iter().find(|entry| entry.cache.name == *cache)?;
        Some(self.0.refill_now(&entry.cache, stop).await)
    }

    /// As [`Host::refill`] for all caches, as many at a time as `max_loads` allows, in their order.
    pub async fn refill_all(&self, stop: &CancellationToken) -> Vec<(Name, Outcome)> {
        let caches = self.0.caches.iter().map(|entry| &entry.cache);
        let refills = caches.map(async |cache| (cache.name.clone(), self.0.refill_now(cache, stop).await));
        stream::iter(refills).buffered(self.0.caches.len().max(1)).collect().await
    }

    /// Runs one cache's loader and hands its entries to `sink`, batch by batch. Publishes nothing,
    /// and needs no store. `None`: there is no such cache.
    pub async fn load_dry(&self, cache: &Name, sink: impl FnMut(&Batch)) -> Option<Result<u64, Failure>> {
        let entry = self.0.caches.iter().find(|entry| entry.cache.name == *cache)?;
        Some(load_dry(&entry.cache, sink).await)
    }
}

impl Shared {
    async fn keep_warm(&self, entry: &Entry, draining: &CancellationToken, stop: &CancellationToken) {
        let cache = &entry.cache;
        let mut failures = 0u32;
        let mut before: Option<Outcome> = None;
        while let Some(turn) = draining.run_until_cancelled(self.turn()).await {
            let outcome = {
                let _turn = turn;
                refill(&*self.store, cache, Due::After(cache.timing.refill_interval), failures, &self.metrics, stop)
                    .await
            };
            failures = if outcome.failure().is_some() { failures.saturating_add(1) } else { 0 };
            self.tell(cache, &outcome, before.as_ref());
            let next = schedule::next(&outcome, failures, cache.timing.refill_interval, random());
            report::next(&cache.name, &outcome, before.as_ref(), next);
            let waiting = async {
                match next {
                    Next::Never => std::future::pending().await,
                    Next::After(delay) => {
                        tokio::select! {
                            () = tokio::time::sleep(delay) => {}
                            () = entry.due.notified(), if !matches!(outcome, Outcome::Failed(_) | Outcome::Backoff { .. }) => {}
                        }
                    }
                }
            };
            if draining.run_until_cancelled(waiting).await.is_none() {
                return;
            }
            before = Some(outcome);
        }
    }

    /// Waits for one of the places for loads.
    async fn turn(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.loads.acquire().await.expect("the semaphore is never closed")
    }

    async fn refill_now(&self, cache: &Cache, stop: &CancellationToken) -> Outcome {
        let asked = Instant::now();
        let mut due = Due::Always;
        loop {
            let outcome = {
                let Some(_turn) = stop.run_until_cancelled(self.turn()).await else { return Outcome::Abandoned };
                refill(&*self.store, cache, due, 0, &self.metrics, stop).await
            };
            match outcome {
                Outcome::Busy { .. } if due == Due::Always => {
                    tracing::info!(cache = %cache.name, "another host is loading it: waiting for its result");
                }
                Outcome::Busy { .. } => {}
                // The host that was loading has failed since.
                Outcome::Backoff { .. } => {
                    return failure_elsewhere(&*self.store, &cache.name).await.unwrap_or(outcome);
                }
                outcome => {
                    self.tell(cache, &outcome, None);
                    return outcome;
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return Outcome::Abandoned;
            }
            // What the other host publishes is as new as what we were asked for.
            due = Due::After(asked.elapsed());
        }
    }

    fn tell(&self, cache: &Cache, outcome: &Outcome, before: Option<&Outcome>) {
        self.metrics.refilled(&cache.name, outcome);
        report::outcome(&cache.name, outcome, before);
    }

    /// Reads the heads of all caches again and again: wakes those whose data is gone, and says when
    /// the store is away and back.
    async fn watch(&self) {
        let names: Vec<Name> = self.caches.iter().map(|entry| entry.cache.name.clone()).collect();
        let mut away = false;
        loop {
            match self.store.statuses(&names).await {
                Ok(statuses) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("the store at {} is back", self.store.location());
                    }
                    for (entry, status) in self.caches.iter().zip(statuses) {
                        match status.presence {
                            Presence::Whole(head) => {
                                self.metrics.age(
                                    &entry.cache.name,
                                    status.now.duration_since(head.checked_at).unwrap_or_default(),
                                );
                            }
                            Presence::Missing | Presence::Lost(_) if entry.cache.progress.is_loading() => {}
                            Presence::Missing | Presence::Lost(_) => entry.due.notify_waiters(),
                        }
                    }
                }
                Err(error) if !away => {
                    away = true;
                    tracing::warn!("{error}; trying again until it is there, readers serve what they have");
                }
                Err(_) => {}
            }
            tokio::time::sleep(WATCH).await;
        }
    }
}

async fn load_dry(cache: &Cache, mut sink: impl FnMut(&Batch)) -> Result<u64, Failure> {
    let (output, mut arriving) = Output::new(cache.limits().clone(), cache.progress.clone());
    let take = async {
        let mut known = std::collections::HashSet::new();
        while let Some(parcel) = arriving.recv().await {
            match parcel {
                Parcel::Entries(batch) => {
                    known.extend(batch.iter().map(|(key, _)| key.to_owned()));
                    sink(&batch);
                }
                Parcel::IsKnown(key, answer) => {
                    let _ = answer.send(known.contains(&key));
                }
            }
        }
        known.len() as u64
    };
    let (loaded, entries) = tokio::join!(cache.load(None, output), take);
    loaded.map(|_| entries)
}

/// In `0.0..1.0`. Good enough to spread delays; not for secrets.
fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}
