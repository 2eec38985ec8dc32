//! A host in this process that refills one cache on request.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use kiwi_host::{
    AskedTiming, CacheConfig, DirGrant, Grants, Host, Limits, LoadError, Loader, Outcome, Output, Settings,
};
use kiwi_store::{Layout, Ttl};
use serde_json::json;

use crate::map::Map;
use crate::setup::{Setup, text};

/// The name of the cache.
pub(crate) const CACHE: &str = "bench";
/// Its meta in Redis, which says what is published.
pub(crate) const META: &str = "kiwi:{bench}:meta";

/// What loads the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `tests/guests/bench_map`, in the sandbox.
    Component,
    /// The same in this process.
    Native,
}

/// The data that the loader emits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) entries: u32,
    /// The percentage of entries that change with the generation.
    pub(crate) changed: f64,
    /// Whether the loader leaves the generation as its mark, and reports `unchanged` while it stays the same.
    pub(crate) marked: bool,
}

impl Source {
    /// All entries change, or none.
    pub(crate) fn of(entries: u32) -> Self {
        Self { entries, changed: 100.0, marked: false }
    }

    /// Never changes, and reads no file.
    pub(crate) fn fixed(entries: u32) -> Self {
        Self { entries, changed: 0.0, marked: false }
    }
}

/// The expected outcome of a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Published,
    Unchanged,
}

/// A host with one cache.
pub(crate) struct Refiller<'a> {
    setup: &'a Setup,
    host: Host,
    generation_file: PathBuf,
    generation: u32,
}

impl<'a> Refiller<'a> {
    pub(crate) fn new(setup: &'a Setup, url: &str, by: By, source: Source) -> Result<Self> {
        Self::with_layout(setup, url, by, source, Layout::Hash)
    }

    /// The same in a layout.
    pub(crate) fn with_layout(setup: &'a Setup, url: &str, by: By, source: Source, layout: Layout) -> Result<Self> {
        let directory = setup.directory("source")?;
        let generation_file = directory.join("generation");
        fs::write(&generation_file, "0")?;
        let mut config = match by {
            By::Component => component(&setup.programs.guest, &directory, source)?,
            By::Native => {
                CacheConfig::native(CACHE.parse()?, Native { source, generation_file: generation_file.clone() })
            }
        };
        config.layout = layout;
        config.limits = Limits {
            load_timeout: Duration::from_secs(600),
            entries: 10_000_000,
            total_bytes: 4 << 30,
            ..Limits::default()
        };
        config.timing = AskedTiming {
            reload_ttl: Some(Duration::from_secs(3600)),
            cache_ttl: Some(Ttl::Forever),
            ..AskedTiming::default()
        };
        let host = setup.runtime.block_on(build(url, setup.compile_cache(), config))?;
        Ok(Self { setup, host, generation_file, generation: 0 })
    }

    /// Changes the source.
    pub(crate) fn change(&mut self) -> Result<u32> {
        self.change_to(self.generation + 1)?;
        Ok(self.generation)
    }

    /// Changes the source to a generation.
    pub(crate) fn change_to(&mut self, generation: u32) -> Result<()> {
        self.generation = generation;
        Ok(fs::write(&self.generation_file, generation.to_string())?)
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

fn component(guest: &Path, directory: &Path, source: Source) -> Result<CacheConfig> {
    let mut settings = json!({ "entries": source.entries, "changed": source.changed, "mark": source.marked });
    let mut config = CacheConfig::new(CACHE.parse()?, guest);
    if source.changed > 0.0 {
        settings["generation"] = json!("source/generation");
        let grant = DirGrant { path: text(directory)?.into(), guest_path: "source".to_owned() };
        config.grants = Grants { dirs: vec![grant], ..Grants::default() };
    }
    config.settings = Settings::new(settings)?;
    Ok(config)
}

/// The same as `tests/guests/bench_map`, in plain Rust.
struct Native {
    source: Source,
    generation_file: PathBuf,
}

impl Loader for Native {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        let generation = fs::read_to_string(&self.generation_file)?;
        if self.source.marked {
            if out.mark() == Some(&generation) {
                out.unchanged();
                return Ok(());
            }
            out.set_mark(&generation);
        }
        let Source { entries, changed, .. } = self.source;
        let generation = generation.trim().parse().map_err(LoadError::other)?;
        for (key, value) in (Map { entries, changed, generation }).entries() {
            out.emit_json(&key, &value).await?;
        }
        Ok(())
    }
}
