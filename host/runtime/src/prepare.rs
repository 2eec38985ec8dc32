//! Makes caches of configurations: compiles each plugin once, and checks what it needs.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use kiwi_cache::Name;

use crate::cache::Cache;
use crate::config::CacheConfig;
use crate::plugin_error::PluginError;
use crate::sandbox::{Plugin, Sandbox};

/// A cache that does not run, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The cache.
    pub cache: Name,
    /// Why, and what to do.
    pub error: PluginError,
}

/// The caches that can run, in their order, and those that cannot.
pub(crate) async fn caches(
    sandbox: &Sandbox,
    configs: Vec<CacheConfig>,
    max_loads: usize,
) -> (Vec<Cache>, Vec<Skipped>) {
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    // A describe takes one of the sandbox's places, as a load does.
    let described_at_a_time = at_a_time.min(max_loads);
    let mut paths: Vec<PathBuf> = configs.iter().map(|config| config.plugin.clone()).collect();
    paths.sort();
    paths.dedup();
    let plugins = paths.into_iter().map(async |path| {
        let plugin = sandbox.plugin(&path).await.map(Arc::new).map_err(Arc::new);
        (path, plugin)
    });
    let plugins: HashMap<PathBuf, Result<Arc<Plugin>, Arc<PluginError>>> =
        stream::iter(plugins).buffer_unordered(at_a_time).collect().await;
    let made = configs.into_iter().map(async |config| {
        let cache = config.name.clone();
        let made = match &plugins[&config.plugin] {
            Ok(plugin) => prepare(config, plugin).await,
            Err(error) => Err(error.again()),
        };
        made.map_err(|error| Skipped { cache, error })
    });
    let mut caches = Vec::new();
    let mut skipped = Vec::new();
    for made in stream::iter(made).buffered(described_at_a_time).collect::<Vec<_>>().await {
        match made {
            Ok(cache) => caches.push(cache),
            Err(skip) => skipped.push(skip),
        }
    }
    (caches, skipped)
}

/// As [`Cache::new`]. A panic, which is a bug of ours, skips this cache and no other.
async fn prepare(config: CacheConfig, plugin: &Arc<Plugin>) -> Result<Cache, PluginError> {
    let made = AssertUnwindSafe(Cache::new(config, plugin.clone())).catch_unwind().await;
    made.unwrap_or_else(|_| {
        Err(PluginError::new(plugin.path(), "kiwi-host itself panicked at its `describe`; please report it"))
    })
}
