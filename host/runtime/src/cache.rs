//! One cache, ready to be loaded: its configuration and the plugin it runs.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kiwi_cache::Name;
use xxhash_rust::xxh3::xxh3_128;

use crate::config::{CacheConfig, Limits, Timing};
use crate::description::Description;
use crate::failure::Failure;
use crate::http::{Door, Policy};
use crate::output::Output;
use crate::plugin_error::PluginError;
use crate::progress::Progress;
use crate::sandbox::{Load, Loaded, Plugin};

/// One cache, its plugin compiled and its settings found to fit.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) name: Name,
    pub(crate) config: CacheConfig,
    pub(crate) timing: Timing,
    pub(crate) progress: Arc<Progress>,
    /// The number of the last snapshot this host knows of: numbers grow even where the store lost everything.
    pub(crate) last_seq: AtomicU64,
    plugin: Arc<Plugin>,
    door: Arc<Door>,
    /// Names this build of the plugin with these settings and grants: its marks mean nothing to another.
    loader: String,
}

impl Cache {
    /// Checks a cache's settings and grants against what its plugin says.
    ///
    /// # Errors
    /// The plugin does not take a setting, lacks one or a grant, or cannot describe itself; the
    /// timing makes no sense.
    pub(crate) async fn new(config: CacheConfig, plugin: Arc<Plugin>) -> Result<Self, PluginError> {
        let description = check(&config, &plugin).await?;
        let asked = description.map(|description| description.timing).unwrap_or_default();
        let error = |error: kiwi_cache::Error| PluginError::new(plugin.path(), error.to_string());
        let timing = config.timing.or(asked).resolve(&config.name).map_err(error)?;
        // What it may read decides what it gives, just as its settings do.
        let given = format!("{} {:?}", config.settings.to_json(), config.grants);
        Ok(Self {
            name: config.name.clone(),
            timing,
            progress: Arc::default(),
            last_seq: AtomicU64::default(),
            door: Arc::new(Door::new(Policy::new(config.grants.http.clone()))),
            loader: format!("{:032x}", xxh3_128(format!("{:032x} {given}", plugin.hash()).as_bytes())),
            plugin,
            config,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Runs the loader once.
    pub(crate) async fn load(&self, published_mark: Option<String>, output: Output) -> Result<Loaded, Failure> {
        let load = Load {
            cache: &self.name,
            settings: self.config.settings.to_json(),
            grants: &self.config.grants,
            limits: &self.config.limits,
            door: self.door.clone(),
            published_mark,
        };
        self.plugin.load(load, output).await
    }

    /// A mark as it stands in the store: bound to the loader that set it.
    pub(crate) fn stored_mark(&self, mark: &str) -> String {
        format!("{} {mark}", self.loader)
    }

    /// What this very loader left as its mark, if it did.
    pub(crate) fn own_mark(&self, stored: Option<&str>) -> Option<String> {
        let (loader, mark) = stored?.split_once(' ')?;
        (loader == self.loader).then(|| mark.to_owned())
    }
}

/// Checks a cache's settings and grants against what its plugin says, and gives what it says.
///
/// # Errors
/// As [`Cache::new`].
pub(crate) async fn check(config: &CacheConfig, plugin: &Plugin) -> Result<Option<Description>, PluginError> {
    let Some(description) = plugin.describe(&config.name, &config.settings).await? else { return Ok(None) };
    description.check_settings(&config.settings).map_err(|message| PluginError::new(plugin.path(), message))?;
    let needs = description.needs(config);
    if needs.is_empty() { Ok(Some(description)) } else { Err(PluginError::missing(plugin.path(), needs)) }
}
