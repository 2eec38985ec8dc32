//! kiwi.toml: from text to plain, checked values, all at the edge.

mod cache;
mod document;
mod selection;
mod statsd;
#[cfg(test)]
mod tests;

use std::fs;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;
use kiwi_host::CacheConfig;
use kiwi_store::{Error, Name, StoreUrl};

pub(crate) use cache::Defaults;
pub(crate) use document::Problems;
use document::{Document, Section};
pub(crate) use selection::select;
pub(crate) use statsd::Statsd;

/// All that one kiwi.toml says.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file.
    pub(crate) path: PathBuf,
    /// Where snapshots live.
    pub(crate) store: Option<StoreUrl>,
    /// What stands before each of our keys in Redis.
    pub(crate) key_prefix: Option<String>,
    /// Where metrics go.
    pub(crate) statsd: Option<Statsd>,
    /// How many caches may load at the same time.
    pub(crate) max_loads: Option<NonZeroUsize>,
    /// What holds for each cache that does not say otherwise.
    pub(crate) defaults: Defaults,
    /// The caches, in the file's order.
    pub(crate) caches: Vec<CacheConfig>,
}

impl Config {
    /// The file that is read where no other is named, if it is there.
    const DEFAULT: &str = "kiwi.toml";

    /// Reads the file that is named, or the default one if it is there.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>> {
        let default = Some(Path::new(Self::DEFAULT)).filter(|path| path.exists());
        named.or(default).map(Self::load).transpose()
    }

    /// Whether it has a cache of this name.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.caches.iter().any(|cache| cache.name == *name)
    }

    /// Reads a file.
    fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("`{}` cannot be read: expected a configuration in TOML", path.display());
            Error::invalid(message).because(error)
        })?;
        Ok(Self::parse(path, &text)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        Document::read(path, text, |section| Self::read(path, section))
    }

    fn read(path: &Path, mut section: Section<'_>) -> Option<Self> {
        let base = path.parent().unwrap_or(Path::new(""));
        let defaults = section.section("defaults").map(Defaults::read).unwrap_or_default();
        let config = Self {
            path: path.to_owned(),
            store: section.text("store", str::parse).map(|store| relative_to(base, store)),
            key_prefix: section.text("key_prefix", |prefix| Ok(prefix.to_owned())),
            statsd: Statsd::read(&mut section),
            max_loads: section.number("max_loads", 1024).and_then(|n| NonZeroUsize::new(usize::try_from(n).ok()?)),
            caches: section.section("cache").map(|caches| read_caches(caches, &defaults, base)).unwrap_or_default(),
            defaults,
        };
        section.finish();
        Some(config)
    }
}

fn read_caches(section: Section<'_>, defaults: &Defaults, base: &Path) -> Vec<CacheConfig> {
    let document = section.document();
    let mut caches = Vec::new();
    for (key, section) in section.named("cache") {
        match key.get_ref().parse::<Name>() {
            Ok(name) => {
                let cache = defaults.read_cache(name, section, base);
                caches.extend(cache.inspect(|cache| check_record(cache, &caches, document, key.span())));
            }
            Err(error) => document.problem(key.span(), error.to_string()),
        }
    }
    caches
}

/// Two caches in one record would replace each other again and again.
fn check_record(cache: &CacheConfig, before: &[CacheConfig], document: &Document, place: Range<usize>) {
    let Some(key) = cache.layout.record_key() else { return };
    if let Some(other) = before.iter().find(|other| other.layout.record_key() == Some(key)) {
        let message =
            format!("the caches `{}` and `{}` have one record, `{key}`: expected one each", other.name, cache.name);
        document.problem(place, message);
    }
}

/// A store in a relative directory, taken from where it was written.
fn relative_to(base: &Path, store: StoreUrl) -> StoreUrl {
    match store {
        StoreUrl::Embedded(dir) => StoreUrl::Embedded(base.join(dir)),
        redis => redis,
    }
}
