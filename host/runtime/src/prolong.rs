//! Old data lives on: what is published is prolonged for as long as a host answers for it.
//!
//! Nothing newer can be had while a load runs, while it waits for its turn, or while a source that
//! failed is left alone, and each of these may take longer than the data's own life.

use std::convert::Infallible;

use kiwi_cache::Ttl;
use kiwi_cache::store::Store;

use crate::cache::Cache;
use crate::metrics::Metrics;

/// Keeps whatever is published of a cache alive, for as long as this is polled.
pub(crate) async fn keep_alive(store: &dyn Store, cache: &Cache, metrics: &Metrics) -> Infallible {
    loop {
        prolong(store, cache, metrics).await;
        match cache.timing.cache_ttl {
            // Two of these may fail before anything is lost.
            Ttl::For(cache_ttl) => tokio::time::sleep(cache_ttl / 3).await,
            Ttl::Forever => std::future::pending().await,
        }
    }
}

/// Gives what is published its whole life again.
pub(crate) async fn prolong(store: &dyn Store, cache: &Cache, metrics: &Metrics) {
    let prolonged = store.prolong(&cache.name, cache.timing.cache_ttl).await;
    match metrics.store_call(cache, prolonged) {
        Ok(true) => tracing::trace!(cache = %cache.name, "the published data was prolonged"),
        Ok(false) => tracing::trace!(cache = %cache.name, "nothing is published that could be prolonged"),
        // Whoever watches the store says that it is away.
        Err(error) if error.is_unavailable() => {
            tracing::debug!(cache = %cache.name, "the published data could not be prolonged: {error}")
        }
        Err(error) => tracing::warn!(cache = %cache.name, "the published data could not be prolonged: {error}"),
    }
}
