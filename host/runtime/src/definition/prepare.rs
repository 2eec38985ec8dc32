//! Makes definitions of configurations: compiles each plugin once, and checks what it needs.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use kiwi_store::Name;

use super::cache::Definition;
use super::config::{AnyLoader, CacheConfig};
use super::identity::DigestKey;
use super::plugin_error::PluginError;
use crate::sandbox::plugin::Plugin;
use crate::sandbox::shared::Sandbox;

/// A cache that does not run, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// The cache.
    pub cache: Name,
    /// Why, and what to do.
    pub error: PluginError,
}

/// What became of all configurations.
pub(crate) struct Prepared {
    /// The caches that can run, in their order.
    pub(crate) definitions: Vec<Definition>,
    pub(crate) skipped: Vec<Skipped>,
}

type Compiled = Result<Arc<Plugin>, String>;

/// Makes definitions. Plugins need the `sandbox`.
pub(crate) async fn definitions(
    configs: Vec<CacheConfig>,
    max_loads: usize,
    sandbox: Option<&Sandbox>,
    key: &DigestKey,
) -> Prepared {
    let mut paths: Vec<PathBuf> = configs.iter().filter_map(CacheConfig::plugin).map(Path::to_owned).collect();
    paths.sort();
    paths.dedup();
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    let plugins = match sandbox {
        Some(sandbox) => compile(sandbox, paths, at_a_time).await,
        None => HashMap::new(),
    };
    let defined = configs.into_iter().map(async |config| {
        let cache = config.name.clone();
        let defined = match config.loader.clone() {
            AnyLoader::Component(path) => match plugins.get(&path) {
                Some(Ok(plugin)) => describe(config, plugin, key).await,
                Some(Err(message)) => Err(PluginError::of_plugin(&path, message)),
                None => Err(PluginError::of_plugin(&path, "it was not compiled")),
            },
            AnyLoader::Native(loader) => Definition::of_native(config, loader, key),
        };
        defined.map_err(|error| Skipped { cache, error })
    });
    let mut prepared = Prepared { definitions: Vec::new(), skipped: Vec::new() };
    // A describe takes one of the sandbox's places, as a load does.
    for defined in stream::iter(defined).buffered(at_a_time.min(max_loads)).collect::<Vec<_>>().await {
        match defined {
            Ok(definition) => prepared.definitions.push(definition),
            Err(skipped) => prepared.skipped.push(skipped),
        }
    }
    prepared
}

async fn compile(sandbox: &Sandbox, paths: Vec<PathBuf>, at_a_time: usize) -> HashMap<PathBuf, Compiled> {
    let plugins = paths.into_iter().map(async |path| {
        let plugin = sandbox.plugin(&path).await.map(Arc::new);
        (path, plugin)
    });
    stream::iter(plugins).buffer_unordered(at_a_time).collect().await
}

/// As [`Definition::of_plugin`]. A panic, which is a bug of ours, skips this cache and no other.
async fn describe(config: CacheConfig, plugin: &Arc<Plugin>, key: &DigestKey) -> Result<Definition, PluginError> {
    let defined = AssertUnwindSafe(Definition::of_plugin(config, plugin.clone(), key)).catch_unwind().await;
    defined.unwrap_or_else(|_| {
        let message = "kiwi-host itself panicked while it ran its `describe`; please report it";
        Err(PluginError::of_plugin(plugin.path(), message))
    })
}
