//! The host: keeps caches warm until it is told to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kiwi_cache::Cache;
use kiwi_store::{Batch, Error, Layout, Name, Result, Store};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::CacheConfig;
use crate::direct::DirectRefill;
use crate::dry::load_dry;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::plugin_error::PluginError;
use crate::prepare::{self, Prepared, Skipped};
use crate::sandbox::Sandbox;
use crate::sandbox_error::SandboxError;
use crate::warm::{Entry, Shared};

/// How long leases may take to be given back after the drain timeout.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// Keeps caches warm: runs their loaders on schedule and publishes what they give. See
/// [`Host::builder`].
#[derive(Clone, Debug)]
pub struct Host(Arc<Shared>);

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

    /// Compiles the plugins and checks what they need. A cache whose loader cannot run is skipped and
    /// told of; the others run. Where all loaders are native, no sandbox is made.
    ///
    /// # Errors
    /// There are plugins, and this machine cannot run WebAssembly at all.
    pub async fn build(self) -> Result<(Host, Vec<Skipped>), SandboxError> {
        let (store, configs, refused) = lay_out(self.store, self.caches);
        let new_sandbox = || Sandbox::new(self.compile_cache, self.max_loads);
        let Prepared { caches, mut skipped, sandbox } = prepare::caches(configs, self.max_loads, new_sandbox).await?;
        skipped.extend(refused);
        let caches = caches.into_iter().map(|cache| Entry { cache, due: Notify::new() }).collect();
        let loads = Semaphore::new(self.max_loads);
        let shared = Shared { store, caches, metrics: self.metrics, loads, _sandbox: sandbox };
        Ok((Host(Arc::new(shared)), skipped))
    }
}

/// Tells the store in what layouts the caches stand; those that it does not have are skipped.
fn lay_out(store: Arc<dyn Store>, configs: Vec<CacheConfig>) -> (Arc<dyn Store>, Vec<CacheConfig>, Vec<Skipped>) {
    let (mut fit, mut refused) = (Vec::new(), Vec::new());
    for config in configs {
        // Every store has hashes.
        let is_hash = config.layout == Layout::Hash;
        match if is_hash { Ok(()) } else { store.with_layouts(&layouts([&config])).map(drop) } {
            Ok(()) => fit.push(config),
            Err(error) => {
                let error = PluginError::of(&config.loader, error.to_string());
                refused.push(Skipped { cache: config.name, error });
            }
        }
    }
    // Each of them alone was taken.
    let laid_out = store.with_layouts(&layouts(&fit)).unwrap_or(store);
    (laid_out, fit, refused)
}

fn layouts<'a>(configs: impl IntoIterator<Item = &'a CacheConfig>) -> Vec<(Name, Layout)> {
    configs.into_iter().map(|config| (config.name.clone(), config.layout.clone())).collect()
}

impl Host {
    /// Begins a host that publishes to `store`.
    #[must_use]
    pub fn builder(store: Arc<dyn Store>) -> Builder {
        Builder { store, caches: Vec::new(), metrics: Metrics::default(), compile_cache: None, max_loads: 16 }
    }

    /// The caches it runs.
    pub fn instances(&self) -> impl ExactSizeIterator<Item = Instance<'_>> {
        self.0.caches.iter().map(|entry| Instance::new(&entry.cache))
    }

    /// A reader of what this host publishes, on the host's own connection: reads are from memory, and with
    /// `get_or_refill` a reader that finds nothing has this host load at once. It looks at the store every
    /// `reload_ttl` of the cache, whether or not the host runs in this program at the moment.
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`). That nothing is published yet is no error: the reader
    /// starts with nothing, and says `is_missing` until the first snapshot comes.
    pub async fn cache<V>(&self, name: impl TryInto<Name, Error = Error>) -> Result<Cache<V>>
    where
        V: DeserializeOwned + Send + Sync + 'static,
    {
        self.reader(name)?.connect().await
    }

    /// As [`Host::cache`], to be set up further, for example with `max_attempts` or a `missing` hook.
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`).
    pub fn reader<V>(&self, name: impl TryInto<Name, Error = Error>) -> Result<kiwi_cache::Builder<Cache<V>>>
    where
        V: DeserializeOwned + Send + Sync + 'static,
    {
        let index = self.index(name)?;
        let cache = &self.0.caches[index].cache;
        Ok(Cache::builder(&cache.name)
            .store(&self.0.store)
            .reload_ttl(cache.timing.reload_ttl)
            .start_missing()
            .keep_text(cache.kept_text.clone())
            .refill_by(Arc::new(DirectRefill::new(self.0.clone(), index))))
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
        let (shared, listening) = (self.0.clone(), draining.clone());
        tasks.spawn(async move { listening.run_until_cancelled_owned(shared.listen()).await.unwrap_or_default() });

        shutdown.await;
        draining.cancel();
        if tokio::time::timeout(drain_timeout, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            stop.cancel();
            // Giving back a lease needs the store; one that hangs must not keep the host.
            let _ = tokio::time::timeout(GIVE_BACK, async { while tasks.join_next().await.is_some() {} }).await;
            tasks.shutdown().await;
        }
    }

    /// Loads one cache now, however fresh it is. Where another host is loading it, waits for that
    /// and gives its result.
    ///
    /// ```no_run
    /// # async fn example(host: kiwi_host::Host) -> kiwi_store::Result<()> {
    /// if let Some(failure) = host.refill("airlines").await?.failure() {
    ///     println!("what was published before is still there: {failure}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`). A failed load is an [`Outcome`].
    pub async fn refill(&self, cache: impl TryInto<Name, Error = Error>) -> Result<Outcome> {
        self.refill_until(cache, &CancellationToken::new()).await
    }

    /// As [`Host::refill`], but gives up, and gives the lease back, when `stop` is cancelled.
    ///
    /// # Errors
    /// As [`Host::refill`].
    pub async fn refill_until(
        &self,
        cache: impl TryInto<Name, Error = Error>,
        stop: &CancellationToken,
    ) -> Result<Outcome> {
        Ok(self.0.refill_now(&self.0.caches[self.index(cache)?].cache, stop).await)
    }

    /// As [`Host::refill`] for all caches, as many at a time as `max_loads` allows, in their order.
    pub async fn refill_all(&self) -> Vec<(Name, Outcome)> {
        self.refill_all_until(&CancellationToken::new()).await
    }

    /// As [`Host::refill_all`], but gives up, and gives the leases back, when `stop` is cancelled.
    pub async fn refill_all_until(&self, stop: &CancellationToken) -> Vec<(Name, Outcome)> {
        let mut tasks = JoinSet::new();
        for index in 0..self.0.caches.len() {
            let (shared, stop) = (self.0.clone(), stop.clone());
            tasks.spawn(async move { (index, shared.refill_now(&shared.caches[index].cache, &stop).await) });
        }
        let mut outcomes = tasks.join_all().await;
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        let name = |index: usize| self.0.caches[index].cache.name.clone();
        outcomes.into_iter().map(|(index, outcome)| (name(index), outcome)).collect()
    }

    /// Runs one cache's loader and hands its entries to `sink`, batch by batch. Publishes nothing,
    /// and needs no store.
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`). A failed load is the inner error.
    pub async fn load_dry(
        &self,
        cache: impl TryInto<Name, Error = Error>,
        sink: impl FnMut(&Batch),
    ) -> Result<Result<u64, Failure>> {
        Ok(load_dry(&self.0.caches[self.index(cache)?].cache, sink).await)
    }

    fn index(&self, cache: impl TryInto<Name, Error = Error>) -> Result<usize> {
        let cache = cache.try_into()?;
        self.0.caches.iter().position(|entry| entry.cache.name == cache).ok_or_else(|| {
            let names: Vec<&str> = self.instances().map(|instance| instance.name().as_str()).collect();
            Error::invalid(format!("this host does not run it: expected one of [{}]", names.join(", "))).of(&cache)
        })
    }
}
