//! One cache, ready to be loaded: its configuration and the loader it runs.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kiwi_cache::KeptText;
use kiwi_store::Name;
use xxhash_rust::xxh3::xxh3_128;

use crate::config::{AskedTiming, CacheConfig, Grants, Limits, Timing};
use crate::description::Description;
use crate::failure::Failure;
use crate::fingerprints::Memory;
use crate::intake::Intake;
use crate::loaded::Loaded;
use crate::loader::NativeLoader;
use crate::native;
use crate::plugin_error::PluginError;
use crate::progress::Progress;
use crate::prolong::Renewed;
use crate::sandbox::{Component, Plugin};

/// One cache, its loader ready and its settings found to fit.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) name: Name,
    pub(crate) config: CacheConfig,
    pub(crate) timing: Timing,
    pub(crate) progress: Arc<Progress>,
    /// The number of the last snapshot this host knows of: numbers grow even where the store lost everything.
    pub(crate) last_seq: AtomicU64,
    /// When what is published was last given its whole life.
    pub(crate) renewed: Renewed,
    /// What this program's own reader holds, if it has one.
    pub(crate) kept_text: Arc<KeptText>,
    /// What this host remembers of what it has published.
    pub(crate) memory: Memory,
    loader: Loader,
    /// Names this build of the loader with these settings and grants: its marks mean nothing to another.
    identity: String,
}

/// What it runs.
#[derive(Debug)]
enum Loader {
    Component(Component),
    Native(NativeLoader),
}

impl Cache {
    /// Checks a cache's settings and grants against what its plugin says.
    ///
    /// # Errors
    /// The plugin does not take a setting, lacks one or a grant, or cannot describe itself; the
    /// timing makes no sense.
    pub(crate) async fn of_plugin(config: CacheConfig, plugin: Arc<Plugin>) -> Result<Self, PluginError> {
        let description = check(&config, &plugin).await?;
        let asked = description.map(|description| description.timing).unwrap_or_default();
        // What it may read decides what it gives, just as its settings do.
        let identity = format!("{:032x} {} {:?}", plugin.hash(), config.settings.to_json(), config.grants);
        let component = Component::new(plugin.clone(), &config.grants);
        Self::new(config, asked, &identity, Loader::Component(component))
            .map_err(|error| PluginError::new(plugin.path(), error.to_string()))
    }

    /// Checks what is asked of a native loader.
    ///
    /// # Errors
    /// It is given settings or grants, which only a component can take; the timing makes no sense.
    pub(crate) fn of_native(config: CacheConfig, loader: NativeLoader) -> Result<Self, PluginError> {
        let any = config.loader.clone();
        if !config.settings.0.is_empty() {
            return Err(PluginError::of(&any, "it takes no settings: give them to the loader when you make it"));
        }
        if config.grants != Grants::default() {
            return Err(PluginError::of(&any, "it takes no grants: it may do whatever its program may"));
        }
        Self::new(config, AskedTiming::default(), &loader.identity(), Loader::Native(loader))
            .map_err(|error| PluginError::of(&any, error.to_string()))
    }

    fn new(config: CacheConfig, asked: AskedTiming, identity: &str, loader: Loader) -> kiwi_store::Result<Self> {
        Ok(Self {
            name: config.name.clone(),
            timing: config.timing.or(asked).resolve(&config.name)?,
            progress: Arc::default(),
            last_seq: AtomicU64::default(),
            renewed: Renewed::default(),
            kept_text: Arc::default(),
            memory: Memory::default(),
            loader,
            identity: format!("{:032x}", xxh3_128(identity.as_bytes())),
            config,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Runs the loader once.
    pub(crate) async fn load(&self, published_mark: Option<String>, intake: Intake) -> Result<Loaded, Failure> {
        match &self.loader {
            Loader::Component(component) => component.load(&self.config, published_mark, intake).await,
            Loader::Native(loader) => native::load(loader, &self.name, self.limits(), published_mark, intake).await,
        }
    }

    /// A mark as it stands in the store: bound to the loader that set it.
    pub(crate) fn stored_mark(&self, mark: &str) -> String {
        format!("{} {mark}", self.identity)
    }

    /// What this very loader left as its mark, if it did.
    pub(crate) fn own_mark(&self, stored: Option<&str>) -> Option<String> {
        let (identity, mark) = stored?.split_once(' ')?;
        (identity == self.identity).then(|| mark.to_owned())
    }
}

/// Checks a cache's settings and grants against what its plugin says, and gives what it says.
///
/// # Errors
/// As [`Cache::of_plugin`].
pub(crate) async fn check(config: &CacheConfig, plugin: &Plugin) -> Result<Option<Description>, PluginError> {
    let Some(description) = plugin.describe(&config.name, &config.settings).await? else { return Ok(None) };
    description.check_settings(&config.settings).map_err(|message| PluginError::new(plugin.path(), message))?;
    let needs = description.needs(config);
    if needs.is_empty() { Ok(Some(description)) } else { Err(PluginError::missing(plugin.path(), needs)) }
}
