//! Makes caches of configurations: compiles each plugin once, and checks what it needs.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use kiwi_store::Name;

use crate::cache::Cache;
use crate::config::CacheConfig;
use crate::loader::AnyLoader;
use crate::plugin_error::PluginError;
use crate::sandbox::{Plugin, Sandbox};
use crate::sandbox_error::SandboxError;

/// A cache that does not run, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The cache.
    pub cache: Name,
    /// Why, and what to do.
    pub error: PluginError,
}

/// What became of all configurations.
pub(crate) struct Prepared {
    /// The caches that can run, in their order.
    pub(crate) caches: Vec<Cache>,
    pub(crate) skipped: Vec<Skipped>,
    /// Where the plugins run, if there are any.
    pub(crate) sandbox: Option<Sandbox>,
}

type Compiled = Result<Arc<Plugin>, Arc<PluginError>>;

/// Makes caches. `new_sandbox` is called only if one of them runs a plugin.
///
/// # Errors
/// Those of `new_sandbox`.
pub(crate) async fn caches(
    configs: Vec<CacheConfig>,
    max_loads: usize,
    new_sandbox: impl FnOnce() -> Result<Sandbox, SandboxError>,
) -> Result<Prepared, SandboxError> {
    let mut paths: Vec<PathBuf> = configs.iter().filter_map(CacheConfig::plugin).map(Path::to_owned).collect();
    paths.sort();
    paths.dedup();
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    let sandbox = if paths.is_empty() { None } else { Some(new_sandbox()?) };
    let plugins = match &sandbox {
        Some(sandbox) => compile(sandbox, paths, at_a_time).await,
        None => HashMap::new(),
    };
    let made = configs.into_iter().map(async |config| {
        let cache = config.name.clone();
        let made = match config.loader.clone() {
            AnyLoader::Component(path) => match &plugins[&path] {
                Ok(plugin) => describe(config, plugin).await,
                Err(error) => Err(error.again()),
            },
            AnyLoader::Native(loader) => Cache::of_native(config, loader),
        };
        made.map_err(|error| Skipped { cache, error })
    });
    let (mut caches, mut skipped) = (Vec::new(), Vec::new());
    // A describe takes one of the sandbox's places, as a load does.
    for made in stream::iter(made).buffered(at_a_time.min(max_loads)).collect::<Vec<_>>().await {
        match made {
            Ok(cache) => caches.push(cache),
            Err(skip) => skipped.push(skip),
        }
    }
    Ok(Prepared { caches, skipped, sandbox })
}

async fn compile(sandbox: &Sandbox, paths: Vec<PathBuf>, at_a_time: usize) -> HashMap<PathBuf, Compiled> {
    let plugins = paths.into_iter().map(async |path| {
        let plugin = sandbox.plugin(&path).await.map(Arc::new).map_err(Arc::new);
        (path, plugin)
    });
    stream::iter(plugins).buffer_unordered(at_a_time).collect().await
}

/// As [`Cache::of_plugin`]. A panic, which is a bug of ours, skips this cache and no other.
async fn describe(config: CacheConfig, plugin: &Arc<Plugin>) -> Result<Cache, PluginError> {
    let made = AssertUnwindSafe(Cache::of_plugin(config, plugin.clone())).catch_unwind().await;
    made.unwrap_or_else(|_| {
        Err(PluginError::new(plugin.path(), "kiwi-host itself panicked at its `describe`; please report it"))
    })
}
