//! The host: keeps caches warm until it is told to stop.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kiwi_cache::Cache;
use kiwi_store::{Batch, Error, Name, Result, Store};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::compilation::Compilation;
use crate::config::http_options::HttpOptions;
use crate::definition::config::CacheConfig;
use crate::definition::identity::DigestKey;
use crate::definition::plugin_error::PluginError;
use crate::definition::prepare::{Prepared, Skipped};
use crate::events::metrics::Metrics;
use crate::events::outcome::Outcome;
use crate::events::stream::Events;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::sandbox_error::SandboxError;
use crate::supervisor::caches::Entry;
use crate::supervisor::read_through::ReadThrough;
use crate::supervisor::run::run;
use crate::supervisor::shared::Supervisor;

/// How many caches are loaded at the same time, unless told otherwise.
pub const DEFAULT_MAX_LOADS: usize = 16;

/// Keeps caches warm: runs their loaders on schedule and publishes their maps. Cheap to clone; all clones
/// are one host. See [`Host::builder`].
#[derive(Clone, Debug)]
pub struct Host(Arc<Supervisor>);

/// What a [`Host`] is made of.
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn Store>,
    caches: Vec<CacheConfig>,
    metrics: Metrics,
    compilation: Compilation,
    http: HttpOptions,
    max_loads: usize,
    digest_key: DigestKey,
}

impl Builder {
    /// Adds caches. The names must differ: [`build`](Self::build) returns a second one of a name as skipped.
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
        self.compilation = self.compilation.cache(directory);
        self
    }

    /// How plugins are compiled: where the result is kept, as [`compile_cache`](Self::compile_cache) says, and in which
    /// process. Default: at each start, in this process.
    #[must_use]
    pub fn compilation(mut self, compilation: Compilation) -> Self {
        self.compilation = compilation;
        self
    }

    /// How the HTTP requests of plugins leave this machine: a proxy, private certificates. Default: directly, with the
    /// certificates that the system trusts.
    #[must_use]
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// A secret that all hosts of the store share. The digests in the store that name what a cache is loaded from (its
    /// plugin, settings and grants) are keyed with it, so that nobody can guess weak secrets in settings from them.
    /// Hosts with different keys do not share marks, and count failures apart. Default: an empty key.
    #[must_use]
    pub fn digest_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.digest_key = DigestKey::new(key.as_ref());
        self
    }

    /// How many caches are loaded at the same time. A load that waits for longer than a second, for its source, say,
    /// lets another one go first. Default: 16.
    #[must_use]
    pub fn max_loads(mut self, max_loads: usize) -> Self {
        self.max_loads = max_loads.max(1);
        self
    }

    /// Compiles the plugins and checks what they need. A cache whose loader cannot run is skipped and
    /// returned; the others run. Where all loaders are native, no sandbox is made.
    ///
    /// # Errors
    /// There are plugins, and this machine cannot run WebAssembly at all.
    pub async fn build(self) -> Result<(Host, Vec<Skipped>), SandboxError> {
        let events = Events::new(self.metrics);
        let shared = Supervisor::new(self.store, events, self.max_loads, self.compilation, self.http, self.digest_key);
        let (caches, mut skipped) = without_duplicates(self.caches);
        let Prepared { definitions, skipped: refused } = shared.define(caches).await?;
        skipped.extend(refused);
        skipped.extend(shared.insert(definitions));
        shared.refuse(&skipped);
        Ok((Host(Arc::new(shared)), skipped))
    }
}

impl Host {
    /// Begins a host that publishes to `store`.
    #[must_use]
    pub fn builder(store: Arc<dyn Store>) -> Builder {
        let (metrics, max_loads) = (Metrics::default(), DEFAULT_MAX_LOADS);
        let digest_key = DigestKey::new(&[]);
        let (compilation, http) = (Compilation::default(), HttpOptions::default());
        Builder { store, caches: Vec::new(), metrics, compilation, http, max_loads, digest_key }
    }

    /// The caches it runs, in the order in which they were added.
    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        self.0.caches().entries.iter().cloned().map(Instance::new).collect()
    }

    /// Adds a cache, or replaces the configuration of the one of this name, while the host runs. What is
    /// published is served meanwhile, and what this host knows of it stays known. A load under way with the
    /// old configuration is abandoned, and a configuration that loads something else is loaded at once.
    ///
    /// ```no_run
    /// # async fn example(host: kiwi_host::Host) -> Result<(), Box<dyn std::error::Error>> {
    /// use kiwi_host::CacheConfig;
    ///
    /// host.insert(CacheConfig::new("currencies".parse()?, "plugins/currencies.wasm")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Its loader cannot run: what runs under this name goes on as it was.
    pub async fn insert(&self, cache: CacheConfig) -> Result<(), PluginError> {
        self.insert_all(vec![cache]).await.into_iter().next().map_or(Ok(()), |skipped| Err(skipped.error))
    }

    /// As [`Host::insert`] for many: a plugin that several of them use is compiled once. Returns those that cannot
    /// run.
    pub async fn insert_all(&self, caches: Vec<CacheConfig>) -> Vec<Skipped> {
        let (caches, mut skipped) = without_duplicates(caches);
        let all: Vec<_> = caches.iter().map(|cache| (cache.name.clone(), cache.loader.clone())).collect();
        match self.0.define(caches).await {
            Ok(prepared) => {
                skipped.extend(prepared.skipped);
                skipped.extend(self.0.insert(prepared.definitions));
            }
            Err(error) => skipped.extend(
                all.into_iter()
                    .map(|(cache, loader)| Skipped { cache, error: PluginError::of(&loader, error.to_string()) }),
            ),
        }
        self.0.refuse(&skipped);
        skipped
    }

    /// Ends a cache while the host runs. What it has published stays until its `cache_ttl` is over.
    /// `false`: this host runs no such cache.
    ///
    /// # Errors
    /// The name is wrong (`is_invalid`).
    pub fn remove(&self, cache: impl TryInto<Name, Error = Error>) -> Result<bool> {
        Ok(self.0.remove(&cache.try_into()?))
    }

    /// A reader of what this host publishes, on the host's own connection: reads are from memory, and with
    /// `get_or_refill` a reader that finds nothing has this host load at once. It looks at the store every
    /// `reload_ttl` of the cache, whether or not the host runs in this program at the moment.
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`). That nothing is published yet is no error: the reader
    /// starts with nothing, and returns `is_missing` until the first snapshot comes.
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
        let entry = self.find(name)?;
        let (name, timing) = (entry.cache.name(), &entry.cache.definition.timing);
        Ok(Cache::builder(name)
            .store(&self.0.caches().store)
            .reload_ttl(timing.reload_ttl)
            .start_missing()
            .keep_text(entry.cache.standing.kept_text.clone())
            .refill_by(Arc::new(ReadThrough::new(self.0.clone(), name.clone()))))
    }

    /// Keeps all caches warm until `shutdown` ends; then starts no more loads, and gives those under
    /// way `drain_timeout` to finish before it abandons them. Leases are released.
    pub async fn run(&self, shutdown: impl Future<Output = ()>, drain_timeout: Duration) {
        run(self.0.clone(), shutdown, drain_timeout).await;
    }

    /// Loads one cache now, however fresh it is. Where another host is loading it, waits for that
    /// and returns its result.
    ///
    /// ```no_run
    /// # async fn example(host: kiwi_host::Host) -> kiwi_cache::Result<()> {
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
        self.refill_until(cache, std::future::pending()).await
    }

    /// As [`Host::refill`], but abandons the load, and releases the lease, when `stop` ends.
    ///
    /// # Errors
    /// As [`Host::refill`].
    pub async fn refill_until(
        &self,
        cache: impl TryInto<Name, Error = Error>,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome> {
        let entry = self.find(cache)?;
        Ok(refill_until(&self.0, &entry, stop).await)
    }

    /// As [`Host::refill`] for all caches, as many at a time as `max_loads` allows, in their order.
    pub async fn refill_all(&self) -> Vec<(Name, Outcome)> {
        self.refill_all_until(std::future::pending()).await
    }

    /// As [`Host::refill_all`], but abandons the loads, and releases the leases, when `stop` ends.
    pub async fn refill_all_until(&self, stop: impl Future<Output = ()>) -> Vec<(Name, Outcome)> {
        let stopped = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for (index, entry) in self.0.caches().entries.iter().cloned().enumerate() {
            let (shared, stopped) = (self.0.clone(), stopped.clone());
            tasks.spawn(async move {
                let outcome = refill_until(&shared, &entry, stopped.cancelled()).await;
                (index, entry.cache.name().clone(), outcome)
            });
        }
        let mut outcomes = cancelling(&stopped, stop, tasks.join_all()).await;
        outcomes.sort_unstable_by_key(|(index, ..)| *index);
        outcomes.into_iter().map(|(_, name, outcome)| (name, outcome)).collect()
    }

    /// Runs one cache's loader and hands its entries to `sink`, batch by batch. Publishes nothing,
    /// and needs no store. Returns how many entries there were.
    ///
    /// # Errors
    /// This host runs no such cache (`is_invalid`). A failed load is the inner error.
    pub async fn load_dry(
        &self,
        cache: impl TryInto<Name, Error = Error>,
        sink: impl FnMut(&Batch),
    ) -> Result<Result<u64, Failure>> {
        Ok(self.0.load_dry(&self.find(cache)?.cache, sink).await)
    }

    fn find(&self, cache: impl TryInto<Name, Error = Error>) -> Result<Arc<Entry>> {
        self.0.find(&cache.try_into()?)
    }
}

/// Loads a cache now, until `stop` ends, or the cache is removed or gets another configuration.
async fn refill_until(shared: &Supervisor, entry: &Entry, stop: impl Future<Output = ()>) -> Outcome {
    let stopped = entry.replaced.child_token();
    cancelling(&stopped, stop, shared.refill_now(&entry.cache, &stopped)).await
}

/// Does some work to its end, and tells it to stop when `stop` ends.
async fn cancelling<T>(
    stopped: &CancellationToken,
    stop: impl Future<Output = ()>,
    work: impl Future<Output = T>,
) -> T {
    let watching = async {
        stop.await;
        stopped.cancel();
        std::future::pending().await
    };
    tokio::select! {
        done = work => done,
        never = watching => never,
    }
}

/// The first cache of each name, and the others as skipped.
fn without_duplicates(caches: Vec<CacheConfig>) -> (Vec<CacheConfig>, Vec<Skipped>) {
    let mut names = HashSet::new();
    let (first, again): (Vec<_>, Vec<_>) = caches.into_iter().partition(|cache| names.insert(cache.name.clone()));
    let skipped = again.into_iter().map(|cache| {
        let message = format!("there is already a cache named `{}`: expected another name", cache.name);
        Skipped { error: PluginError::of(&cache.loader, message), cache: cache.name }
    });
    (first, skipped.collect())
}
