//! One cache as its operator wants it: what loads it, and what that may do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kiwi_store::{Layout, Name, Push};

use crate::config::grants::Grants;
use crate::config::guards::{Guards, Refusal};
use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::config::timing::AskedTiming;
use crate::loader::native::{Loader, NativeLoader};

/// The default of `max_stall`: a delay that few clients notice.
const DEFAULT_MAX_STALL: Duration = Duration::from_millis(10);

/// One cache: what loads it, and what that may do.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// The cache's name.
    pub name: Name,
    /// What loads it.
    pub loader: AnyLoader,
    /// Given to a plugin as one JSON object. May hold secrets: never logged. A native loader has fields
    /// of its own, and is refused settings.
    pub settings: Settings,
    /// In what form it stands in Redis.
    pub layout: Layout,
    /// What the announcement of a new snapshot carries to readers. Only Redis has announcements.
    pub push: Push,
    /// How often, and for how long.
    pub timing: AskedTiming,
    /// Whether a map without entries may be published.
    pub allow_empty_data: bool,
    /// What a new map must come up to before it replaces the published one.
    pub guards: Guards,
    /// How long a change may make the store's other clients wait. One that would take longer is written
    /// as a whole map, aside, which makes nobody wait. Default: 10 ms; 0: always the whole map.
    pub max_stall: Duration,
    /// What a plugin may touch. A native loader may touch what its program may, and is refused grants.
    pub grants: Grants,
    /// How much it may use. See [`Loader`] for those that hold for a native one.
    pub limits: Limits,
}

impl CacheConfig {
    /// A cache that a component loads, with defaults: no settings, no grants.
    #[must_use]
    pub fn new(name: Name, plugin: impl Into<PathBuf>) -> Self {
        Self::loaded_by(name, AnyLoader::Component(plugin.into()))
    }

    /// A cache that a Rust type of this program loads, with defaults.
    #[must_use]
    pub fn native(name: Name, loader: impl Loader) -> Self {
        Self::loaded_by(name, AnyLoader::Native(NativeLoader::new(loader)))
    }

    /// The component's file, if a component loads it.
    #[must_use]
    pub fn plugin(&self) -> Option<&Path> {
        match &self.loader {
            AnyLoader::Component(path) => Some(path),
            AnyLoader::Native(_) => None,
        }
    }

    /// Whether a map of this many entries may be published, by the guards and by `allow_empty_data`.
    /// `published` as in [`Guards::check`].
    ///
    /// # Errors
    /// What refuses it, with the numbers.
    pub fn admit(&self, entries: u64, published: Option<u64>) -> Result<(), Refusal> {
        if entries == 0 && !self.allow_empty_data {
            return Err(Refusal::Empty);
        }
        self.guards.check(entries, published)
    }

    /// A refusal for people: the numbers, and what to do if the map is right all the same.
    #[must_use]
    pub fn explain(&self, refusal: &Refusal) -> String {
        let once = match &self.loader {
            AnyLoader::Component(_) => format!("publish it once with `kiwi-host refill {} --force`", self.name),
            AnyLoader::Native(loader) if !loader.shares_source() => "publish it once without guards".to_owned(),
            // The command does not have that loader.
            AnyLoader::Native(_) => "publish it once from a host that runs this cache without guards".to_owned(),
        };
        match refusal {
            Refusal::Empty => format!("{refusal}: if that is right, set `allow_empty_data = true` for this cache"),
            Refusal::MinEntries { .. } => format!("{refusal}: if that is right, lower it, or {once}"),
            Refusal::MaxShrink { .. } => format!("{refusal}: if that is right, {once}"),
        }
    }

    fn loaded_by(name: Name, loader: AnyLoader) -> Self {
        Self {
            name,
            loader,
            settings: Settings::default(),
            layout: Layout::default(),
            push: Push::default(),
            timing: AskedTiming::default(),
            allow_empty_data: false,
            guards: Guards::default(),
            max_stall: DEFAULT_MAX_STALL,
            grants: Grants::default(),
            limits: Limits::default(),
        }
    }
}

/// A loader of either kind.
#[derive(Clone, Debug)]
pub enum AnyLoader {
    /// A WebAssembly component in this file, run in a sandbox.
    Component(PathBuf),
    /// A Rust type of this program.
    Native(NativeLoader),
}

/// The file, or the name of the type.
impl fmt::Display for AnyLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(path) => path.display().fmt(f),
            Self::Native(loader) => loader.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_the_numbers_and_what_to_do() {
        let mut cache = CacheConfig::new("airlines".parse().unwrap(), "file.wasm");
        let explained = |cache: &CacheConfig, entries, published| {
            let refusal = cache.admit(entries, Some(published)).unwrap_err();
            cache.explain(&refusal)
        };
        cache.guards = Guards { min_entries: Some(2), max_shrink: Some("30%".parse().unwrap()) };
        assert_eq!(
            explained(&cache, 120, 200),
            "the new map has 120 entries, 40% fewer than the 200 published, and `max_shrink` allows 30%: if that is \
             right, publish it once with `kiwi-host refill airlines --force`",
        );
        assert_eq!(
            explained(&cache, 1, 200),
            "the new map has 1 entry, and `min_entries` requires 2: if that is right, lower it, or publish it once \
             with `kiwi-host refill airlines --force`",
        );
        assert!(explained(&cache, 0, 0).contains("`allow_empty_data = true`"));
    }
}
