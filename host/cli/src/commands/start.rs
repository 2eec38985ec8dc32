//! Building a host from the configuration and the command line.

use std::sync::Arc;

use anyhow::Result;
use kiwi_host::{CacheConfig, Host, Metrics, Skipped};
use kiwi_store::{Error, Name, Store};

use crate::target::Target;
use crate::{compile_cache, suggest};

/// A host, and the caches that cannot run on it.
pub(super) struct Started {
    pub(super) host: Host,
    pub(super) skipped: Vec<Skip>,
}

/// A cache that cannot run.
pub(super) struct Skip {
    pub(super) cache: Name,
    /// The reason, with lines to add to kiwi.toml.
    pub(super) message: String,
}

/// Builds a host for these caches, and logs each that cannot run. Opens the store only if there is at
/// least one cache.
pub(super) async fn host(
    target: &Target,
    caches: Vec<CacheConfig>,
    open_store: impl FnOnce() -> Result<Arc<dyn Store>>,
) -> Result<Started> {
    if caches.is_empty() {
        return Err(Error::invalid(
            "nothing to run: pass plugins, as in `kiwi-host run plugins/*.wasm`, or add a `[cache.NAME]` table with a \
             `plugin` to kiwi.toml",
        )
        .into());
    }
    let config = target.config.as_ref();
    let mut builder = Host::builder(open_store()?).caches(caches.clone());
    if let Some(statsd) = config.and_then(|config| config.statsd.as_ref()) {
        builder = builder.metrics(Metrics::statsd(&statsd.address, &statsd.prefix)?);
    }
    if let Some(max_loads) = config.and_then(|config| config.max_loads) {
        builder = builder.max_loads(max_loads.get());
    }
    if let Some(directory) = compile_cache::directory() {
        builder = builder.compile_cache(directory);
    }
    let (host, skipped) = builder.build().await?;
    let skipped = skipped.into_iter().map(|skipped| skip(target, &caches, skipped)).collect();
    Ok(Started { host, skipped })
}

fn skip(target: &Target, caches: &[CacheConfig], Skipped { cache, error, .. }: Skipped) -> Skip {
    let is_new = !target.config.as_ref().is_some_and(|config| config.has(&cache));
    let plugin = caches.iter().find(|known| is_new && known.name == cache).and_then(CacheConfig::plugin);
    let message = suggest::explain(&cache, plugin, &error);
    tracing::error!("cache `{cache}` cannot run: {message}");
    Skip { cache, message }
}
