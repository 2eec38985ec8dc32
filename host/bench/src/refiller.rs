//! A host in this process that refills one cache when it is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kiwi_host::{
    AskedTiming, CacheConfig, DirGrant, Grants, Host, Limits, LoadError, Loader, Outcome, Output, Settings,
};
use kiwi_store::Ttl;
use serde_json::json;

use crate::desk::{Desk, text};
use crate::map::Map;

/// The name of the cache.
pub(crate) const CACHE: &str = "bench";

/// What loads the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `tests/guests/bench_map`, in the sandbox.
    Component,
    /// The same in this process.
    Native,
}

/// What the loader gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) entries: u32,
    /// How many of a hundred entries change with the generation.
    pub(crate) changed: f64,
    /// Whether it leaves the generation as its mark, and says `unchanged` while that stays.
    pub(crate) marked: bool,
}

impl Source {
    /// One whose entries change all or none.
    pub(crate) fn of(entries: u32) -> Self {
        Self { entries, changed: 100.0, marked: false }
    }

    /// One that never changes, and reads no file.
    pub(crate) fn fixed(entries: u32) -> Self {
        Self { entries, changed: 0.0, marked: false }
    }
}

/// What a refill has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Published,
    Unchanged,
}

/// A host with one cache.
pub(crate) struct Refiller<'a> {
    desk: &'a Desk,
    host: Host,
    generation_file: PathBuf,
    generation: u32,
}

impl<'a> Refiller<'a> {
    pub(crate) fn new(desk: &'a Desk, url: &str, by: By, source: Source) -> Result<Self> {
        let directory = desk.directory("source")?;
        let generation_file = directory.join("generation");
        fs::write(&generation_file, "0")?;
        let mut config = match by {
            By::Component => component(&desk.places.guest, &directory, source)?,
            By::Native => {
                CacheConfig::native(CACHE.parse()?, Native { source, generation_file: generation_file.clone() })
            }
        };
        config.limits = Limits { load_timeout: Duration::from_secs(600), ..Limits::default() };
        config.timing = AskedTiming {
            reload_ttl: Some(Duration::from_secs(3600)),
            cache_ttl: Some(Ttl::Forever),
            ..AskedTiming::default()
        };
        let host = desk.runtime.block_on(build(url, desk.compiled(), config))?;
        Ok(Self { desk, host, generation_file, generation: 0 })
    }

    /// Lets the source change.
    pub(crate) fn change(&mut self) -> Result<u32> {
        self.generation += 1;
        fs::write(&self.generation_file, self.generation.to_string())?;
        Ok(self.generation)
    }

    /// Refills, and gives the time from the call to the commit's answer.
    pub(crate) fn refill(&self, expected: Expected) -> Result<Duration> {
        let started = Instant::now();
        let outcome = self.desk.runtime.block_on(self.host.refill(CACHE))?;
        let took = started.elapsed();
        match (expected, outcome) {
            (Expected::Published, Outcome::Published { .. }) | (Expected::Unchanged, Outcome::Unchanged { .. }) => {
                Ok(took)
            }
            (_, outcome) => bail!("a refill came to {outcome:?} instead of {expected:?}"),
        }
    }

    /// Runs the loader and checks what it gives, without a store.
    pub(crate) fn load_dry(&self) -> Result<Duration> {
        let started = Instant::now();
        let loaded = self.desk.runtime.block_on(self.host.load_dry(CACHE, |_| {}))?;
        loaded.map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        Ok(started.elapsed())
    }
}

async fn build(url: &str, compiled: PathBuf, config: CacheConfig) -> Result<Host> {
    let store = kiwi_store::open(&url.parse()?)?;
    let (host, skipped) = Host::builder(store).compile_cache(compiled).caches([config]).build().await?;
    ensure!(skipped.is_empty(), "the loader does not run: {skipped:?}");
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
    config.settings = Settings(settings.as_object().context("an object")?.clone());
    Ok(config)
}

/// What `tests/guests/bench_map` does, in plain Rust.
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
