//! What an operator says of a cache, as plain values: no file format here.

mod grants;
mod limits;
mod text;
mod timing;

use std::path::PathBuf;

use kiwi_cache::Name;
use kiwi_cache::store::Layout;
use serde_json::{Map, Value};

pub use grants::{DirGrant, Grants, HttpGrant};
pub use limits::Limits;
pub use text::{parse_duration, parse_size, parse_ttl};
pub use timing::{AskedTiming, Timing};

/// One cache: the plugin that loads it, and what that plugin may do.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// The cache's name.
    pub name: Name,
    /// The component to run.
    pub plugin: PathBuf,
    /// Given to the plugin as one JSON object. May hold secrets: never logged.
    pub settings: Settings,
    /// In what form it stands in Redis.
    pub layout: Layout,
    /// How often, and for how long.
    pub timing: AskedTiming,
    /// Whether a map without entries may be published.
    pub allow_empty_data: bool,
    /// What the plugin may touch.
    pub grants: Grants,
    /// How much it may use.
    pub limits: Limits,
}

impl CacheConfig {
    /// A cache with defaults: no settings, no grants.
    #[must_use]
    pub fn new(name: Name, plugin: impl Into<PathBuf>) -> Self {
        Self {
            name,
            plugin: plugin.into(),
            settings: Settings::default(),
            layout: Layout::default(),
            timing: AskedTiming::default(),
            allow_empty_data: false,
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
