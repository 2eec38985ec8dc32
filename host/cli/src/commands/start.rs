//! Building a host from the configuration and the command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use futures_util::stream::{self, StreamExt};
use kiwi_host::{Builder, CacheConfig, Host, Metrics, Skipped};
use kiwi_store::{Error, Name, Store};

use super::missing_secrets::{self, MissingSecret};
use crate::exit::Stopped;
use crate::target::Target;
use crate::{compile_cache, shutdown, suggest};

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
    check_not_empty(target, &caches)?;
    warn_of_missing_secrets(target, &caches);
    let builder = builder(target, open_store()?)?.caches(caches.clone());
    let built = tokio::select! {
        built = builder.build() => built?,
        () = shutdown::received(1) => return Err(Stopped.into()),
    };
    let (host, skipped) = built;
    let skipped = skipped.into_iter().map(|skipped| skip(target, &caches, skipped)).collect();
    Ok(Started { host, skipped })
}

/// A host without caches, as the configuration and the command line want it.
pub(super) fn builder(target: &Target, store: Arc<dyn Store>) -> Result<Builder> {
    let config = target.config.as_ref();
    let mut builder = Host::builder(store).digest_key(target.digest_key()?).compilation(compile_cache::compilation());
    if let Some(statsd) = config.and_then(|config| config.statsd.as_ref()) {
        builder = builder.metrics(Metrics::statsd(&statsd.address, &statsd.prefix)?);
    }
    if let Some(config) = config {
        builder = builder.http(config.http.clone());
    }
    if let Some(max_loads) = config.and_then(|config| config.max_loads) {
        builder = builder.max_loads(max_loads.get());
    }
    Ok(builder)
}

/// Which caches of kiwi.toml are not for a host. `None`: there are none.
pub(super) fn published(target: &Target) -> Option<String> {
    let names: Vec<&str> =
        target.config.iter().flat_map(|config| &config.published).map(|it| it.name.as_str()).collect();
    match names[..] {
        [] => None,
        [name] => Some(format!("the cache `{name}` is published by `kiwi-host publish {name}`, and no host loads it")),
        _ => Some(format!(
            "{} caches are published by `kiwi-host publish`, and no host loads them: `{}`",
            names.len(),
            names.join("`, `")
        )),
    }
}

/// Logs which secrets of these caches cannot be read yet: their loads fail until then.
pub(super) fn warn_of_missing_secrets(target: &Target, caches: &[CacheConfig]) {
    let missing = target.config.as_ref().map(|config| missing_secrets::of_caches(config, caches));
    for MissingSecret { subject, message } in missing.into_iter().flatten() {
        tracing::warn!("{subject}: {message}");
    }
}

/// # Errors
/// There is nothing to run.
pub(super) fn check_not_empty(target: &Target, caches: &[CacheConfig]) -> Result<()> {
    if caches.is_empty() {
        if let Some(published) = published(target) {
            return Err(Error::invalid(format!("nothing to run: {published}")).into());
        }
        return Err(Error::invalid(
            "nothing to run: pass plugins, as in `kiwi-host run plugins/*.wasm`, or add a `[cache.NAME]` table with a \
             `plugin` to kiwi.toml",
        )
        .into());
    }
    Ok(())
}

/// Starts caches on a host that runs: each plugin's as soon as it is compiled. Returns how many run.
pub(super) async fn insert_all(host: &Host, target: &Target, caches: &[CacheConfig]) -> usize {
    let mut by_plugin: BTreeMap<Option<&Path>, Vec<CacheConfig>> = BTreeMap::new();
    for cache in caches {
        by_plugin.entry(cache.plugin()).or_default().push(cache.clone());
    }
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    let inserted = by_plugin.into_values().map(|of_plugin| async {
        let all = of_plugin.len();
        let skipped = host.insert_all(of_plugin).await;
        let running = all.saturating_sub(skipped.len());
        skipped.into_iter().for_each(|skipped| drop(skip(target, caches, skipped)));
        running
    });
    stream::iter(inserted).buffer_unordered(at_a_time).fold(0, async |sum, running| sum + running).await
}

fn skip(target: &Target, caches: &[CacheConfig], Skipped { cache, error, .. }: Skipped) -> Skip {
    let config = caches.iter().find(|known| known.name == cache);
    let message = config.map_or(error.to_string(), |config| suggest::explain(target.config.as_ref(), config, &error));
    tracing::error!("cache `{cache}` cannot run: {message}");
    Skip { cache, message }
}
