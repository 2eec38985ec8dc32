//! What an operator says of a cache, as plain values: no file format here.

mod grants;
mod guards;
mod limits;
mod text;
mod timing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kiwi_store::{Layout, Name};
use serde_json::{Map, Value};

pub use grants::{DirGrant, Grants, HttpGrant};
pub use guards::{Guards, Percent, Refusal};
pub use limits::Limits;
pub use text::{parse_duration, parse_size, parse_ttl};
pub use timing::{AskedTiming, Timing};

use crate::loader::{AnyLoader, Loader, NativeLoader};

/// Where nothing else is said: a hiccup that few would notice.
const MAX_STALL: Duration = Duration::from_millis(10);

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

    fn loaded_by(name: Name, loader: AnyLoader) -> Self {
        Self {
            name,
            loader,
            settings: Settings::default(),
            layout: Layout::default(),
            timing: AskedTiming::default(),
            allow_empty_data: false,
            guards: Guards::default(),
            max_stall: MAX_STALL,
            grants: Grants::default(),
            limits: Limits::default(),
        }
    }
}

/// The settings of one cache: a JSON object whose values `Debug` does not show, because they may be
/// secrets.
#[derive(Clone, Default, PartialEq)]
pub struct Settings(pub Map<String, Value>);

impl Settings {
    /// As JSON text, keys sorted.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
