//! A host in this process that refills the map of `tests/guests/bench_map`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use kiwi_host::{CacheConfig, DirGrant, Grants, LoadError, Loader, Output, Settings};
use kiwi_store::Layout;
use serde_json::json;

use crate::map::Map;
use crate::one_cache::OneCache;
pub(crate) use crate::one_cache::{CACHE, Expected, META};
use crate::setup::{Setup, text};

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

/// A host with one cache, whose source changes on request.
pub(crate) struct Refiller<'a> {
    cache: OneCache<'a>,
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
        Ok(Self { cache: OneCache::new(setup, url, config)?, generation_file, generation: 0 })
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

    /// See [`OneCache::refill`].
    pub(crate) fn refill(&self, expected: Expected) -> Result<Duration> {
        self.cache.refill(expected)
    }

    /// See [`OneCache::load_dry`].
    pub(crate) fn load_dry(&self) -> Result<Duration> {
        self.cache.load_dry()
    }
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
