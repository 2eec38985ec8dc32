//! Making a host of what the configuration and the command line say.

use std::sync::Arc;

use anyhow::Result;
use kiwi_host::{CacheConfig, Host, Metrics, Skipped};
use kiwi_store::{Error, Name, Store};

use crate::place::Place;
use crate::{advice, compiled};

/// A host, and the caches that it does not run.
pub(super) struct Started {
    pub(super) host: Host,
    pub(super) skipped: Vec<Skip>,
}

/// A cache that does not run.
pub(super) struct Skip {
    pub(super) cache: Name,
    /// Why, with the TOML to add.
    pub(super) message: String,
}

/// Makes a host for these caches, and tells of each that cannot run. The store is opened only if
/// there is a cache to run.
pub(super) async fn host(
    place: &Place,
    caches: Vec<CacheConfig>,
    open_store: impl FnOnce() -> Result<Arc<dyn Store>>,
) -> Result<Started> {
    if caches.is_empty() {
        return Err(Error::invalid(
            "there is nothing to run: name plugins, as in `kiwi-host run plugins/*.wasm`, or add a `[cache.NAME]` \
             with its `plugin` to kiwi.toml",
        )
        .into());
    }
    let config = place.config.as_ref();
    let mut builder = Host::builder(open_store()?).caches(caches.clone());
    if let Some(statsd) = config.and_then(|config| config.statsd.as_ref()) {
        builder = builder.metrics(Metrics::statsd(&statsd.address, &statsd.prefix)?);
    }
    if let Some(max_loads) = config.and_then(|config| config.max_loads) {
        builder = builder.max_loads(max_loads.get());
    }
    if let Some(directory) = compiled::directory() {
        builder = builder.compile_cache(directory);
    }
    let (host, skipped) = builder.build().await?;
    let skipped = skipped.into_iter().map(|skipped| skip(place, &caches, skipped)).collect();
    Ok(Started { host, skipped })
}

fn skip(place: &Place, caches: &[CacheConfig], Skipped { cache, error }: Skipped) -> Skip {
    let is_new = !place.config.as_ref().is_some_and(|config| config.has(&cache));
    let plugin = caches.iter().find(|known| is_new && known.name == cache).and_then(CacheConfig::plugin);
    let message = advice::obstacle(&cache, plugin, &error);
    tracing::error!("cache `{cache}` does not run: {message}");
    Skip { cache, message }
}
