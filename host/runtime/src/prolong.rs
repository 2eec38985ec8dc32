//! Old data lives on: what is published is prolonged for as long as a host answers for it.
//!
//! Nothing newer can be had while a load runs, while it waits for its turn, or while a source that
//! failed is left alone, and each of these may take longer than the data's own life.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kiwi_store::{Store, Ttl};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::metrics::Metrics;

/// When this host last gave what is published of a cache its whole life.
#[derive(Debug, Default)]
pub(crate) struct Renewed(Mutex<Option<Instant>>);

impl Renewed {
    /// Notes that it was done, by a call that began then.
    pub(crate) fn note(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// How long it does for yet, if that is after this time.
    fn left(&self, does_for: Duration) -> Duration {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.map_or(Duration::ZERO, |at| (at + does_for).saturating_duration_since(Instant::now()))
    }
}

/// Keeps whatever is published of a cache alive, for as long as this is polled. What was just committed needs
/// no more.
pub(crate) async fn keep_alive(store: &dyn Store, cache: &Cache, metrics: &Metrics) -> Infallible {
    loop {
        let does_for = match cache.timing.cache_ttl {
            // Two of these may fail before anything is lost.
            Ttl::For(cache_ttl) => cache_ttl / 4,
            Ttl::Forever => {
                prolong(store, cache, metrics).await;
                std::future::pending().await
            }
        };
        let left = cache.renewed.left(does_for);
        if left.is_zero() {
            prolong(store, cache, metrics).await;
            tokio::time::sleep(does_for).await;
        } else {
            tokio::time::sleep(left).await;
        }
    }
}

/// Gives what is published its whole life again.
pub(crate) async fn prolong(store: &dyn Store, cache: &Cache, metrics: &Metrics) {
    let asked = Instant::now();
    let prolonged = store.prolong(&cache.name, cache.timing.cache_ttl).await;
    if prolonged.is_ok() {
        cache.renewed.note(asked);
    }
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
