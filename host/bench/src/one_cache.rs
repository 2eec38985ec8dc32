//! A host in this process that refills one cache on request.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use kiwi_host::{AskedTiming, CacheConfig, Host, Limits, Outcome};
use kiwi_store::Ttl;

use crate::setup::Setup;

/// The name of the cache.
pub(crate) const CACHE: &str = "bench";
/// Its meta in Redis, which says what is published.
pub(crate) const META: &str = "kiwi:{bench}:meta";

/// The expected outcome of a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Published,
    Unchanged,
}

/// Limits that no figure comes near.
pub(crate) fn limits() -> Limits {
    Limits {
        load_timeout: Duration::from_secs(600),
        entries: 10_000_000,
        total_bytes: 4 << 30,
        query_rows: 10_000_000,
        query_bytes: 4 << 30,
        ..Limits::default()
    }
}

/// A host with one cache.
pub(crate) struct OneCache<'a> {
    setup: &'a Setup,
    host: Host,
}

impl<'a> OneCache<'a> {
    /// The cache is named [`CACHE`].
    pub(crate) fn new(setup: &'a Setup, url: &str, mut config: CacheConfig) -> Result<Self> {
        config.limits = limits();
        config.timing = AskedTiming {
            reload_ttl: Some(Duration::from_secs(3600)),
            cache_ttl: Some(Ttl::Forever),
            ..AskedTiming::default()
        };
        let host = setup.runtime.block_on(build(url, setup.compile_cache(), config))?;
        Ok(Self { setup, host })
    }

    /// Refills, and returns the time until the commit is confirmed.
    pub(crate) fn refill(&self, expected: Expected) -> Result<Duration> {
        let started = Instant::now();
        let outcome = self.setup.runtime.block_on(self.host.refill(CACHE))?;
        let took = started.elapsed();
        match (expected, outcome) {
            (Expected::Published, Outcome::Published { .. }) | (Expected::Unchanged, Outcome::Unchanged { .. }) => {
                Ok(took)
            }
            (_, outcome) => bail!("a refill ended with {outcome:?} instead of {expected:?}"),
        }
    }

    /// Runs the loader and the checks, without a store.
    pub(crate) fn load_dry(&self) -> Result<Duration> {
        let started = Instant::now();
        let loaded = self.setup.runtime.block_on(self.host.load_dry(CACHE, |_| {}))?;
        loaded.map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        Ok(started.elapsed())
    }
}

async fn build(url: &str, compiled: PathBuf, config: CacheConfig) -> Result<Host> {
    let store = kiwi_store::open(&url.parse()?)?;
    let (host, skipped) = Host::builder(store).compile_cache(compiled).caches([config]).build().await?;
    ensure!(skipped.is_empty(), "the loader cannot run: {skipped:?}");
    Ok(host)
}
