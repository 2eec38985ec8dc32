//! One cache, ready to be loaded: its definition and its standing.

use std::sync::Arc;

use kiwi_store::{DefinitionId, Name};

use super::config::CacheConfig;
use super::identity::{self, DigestKey};
use super::needs::check_needs;
use super::plugin_error::PluginError;
use super::standing::Standing;
use crate::config::grants::Grants;
use crate::config::limits::Limits;
use crate::config::timing::{AskedTiming, Timing};
use crate::entries::intake::Intake;
use crate::events::event::Label;
use crate::failure::Failure;
use crate::loader::description::Description;
use crate::loader::load;
use crate::loader::mark::Loaded;
use crate::loader::native::NativeLoader;
use crate::sandbox::component::Component;
use crate::sandbox::plugin::Plugin;

/// One cache: how it is configured, and what this host knows of its data.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub(crate) definition: Arc<Definition>,
    pub(crate) standing: Arc<Standing>,
}

impl Cache {
    /// A cache of which this host knows nothing yet.
    pub(crate) fn new(definition: Definition) -> Self {
        Self { definition: Arc::new(definition), standing: Arc::default() }
    }

    /// The same cache under a new configuration: what is known of its data still holds.
    pub(crate) fn redefined(&self, definition: Definition) -> Self {
        Self { definition: Arc::new(definition), standing: Arc::clone(&self.standing) }
    }

    pub(crate) fn name(&self) -> &Name {
        &self.definition.config.name
    }

    /// Runs the loader once.
    pub(crate) async fn load(&self, published_mark: Option<String>, intake: Intake) -> Result<Loaded, Failure> {
        let Definition { config, loader, .. } = &*self.definition;
        match loader {
            RunnableLoader::Component(component) => {
                let CacheConfig { name, settings, grants, limits, .. } = config;
                component.load(name, settings, grants, limits, published_mark, intake).await
            }
            RunnableLoader::Native(loader) => {
                load::load(loader, &config.name, &config.limits, published_mark, intake).await
            }
        }
    }
}

/// A cache as it is configured, with its loader ready and its settings checked.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) config: CacheConfig,
    pub(crate) timing: Timing,
    pub(crate) label: Label,
    loader: RunnableLoader,
    /// Names the loader's build, its settings and its grants: a mark is valid only under the definition that set it.
    pub(crate) id: DefinitionId,
}

/// A loader that can be called.
#[derive(Debug)]
enum RunnableLoader {
    Component(Component),
    Native(NativeLoader),
}

impl Definition {
    /// Checks a cache's settings and grants against what its plugin asks for.
    ///
    /// # Errors
    /// The plugin does not take a setting, lacks one or a grant, or cannot describe itself; the
    /// timing makes no sense.
    pub(crate) async fn of_plugin(
        config: CacheConfig,
        plugin: Arc<Plugin>,
        key: &DigestKey,
    ) -> Result<Self, PluginError> {
        let description = check_needs(&config, &plugin).await?;
        let description = description.unwrap_or_default();
        warn_of_overruled(&config, &plugin, &description);
        // What it may read decides what it returns, just as its settings do.
        let databases = identity::databases(&config.grants.connections).await;
        let id = key.of_plugin(plugin.hash(), &config.settings, &config.grants, databases);
        let component = Component::new(plugin.clone(), &config.grants);
        Self::new(config, description.timing, id, RunnableLoader::Component(component))
            .map_err(|error| PluginError::of_plugin(plugin.path(), error.to_string()))
    }

    /// Checks what is asked of a loader in Rust.
    ///
    /// # Errors
    /// It is given settings or grants, which only a component can take; the timing makes no sense.
    pub(crate) fn of_native(config: CacheConfig, loader: NativeLoader, key: &DigestKey) -> Result<Self, PluginError> {
        let any = config.loader.clone();
        if !config.settings.is_empty() {
            return Err(PluginError::of(&any, "it takes no settings: pass them to the loader when you construct it"));
        }
        if config.grants != Grants::default() {
            return Err(PluginError::of(&any, "it takes no grants: it may do whatever its program may"));
        }
        let id = key.of_native(&loader.identity());
        Self::new(config, AskedTiming::default(), id, RunnableLoader::Native(loader))
            .map_err(|error| PluginError::of(&any, error.to_string()))
    }

    fn new(
        config: CacheConfig,
        suggested: AskedTiming,
        id: DefinitionId,
        loader: RunnableLoader,
    ) -> kiwi_store::Result<Self> {
        Ok(Self {
            timing: config.timing.or(suggested).resolve(&config.name)?,
            label: Label::new(&config.name, &config.layout),
            loader,
            id,
            config,
        })
    }

    /// Whether a load under the other definition gives the same: the same build, settings and grants.
    pub(crate) fn loads_the_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Whether what another host has published will do instead of a load.
    pub(crate) fn shares_source(&self) -> bool {
        match &self.loader {
            RunnableLoader::Component(_) => true,
            RunnableLoader::Native(loader) => loader.shares_source(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// A mark as it stands in the store: bound to the definition that set it.
    pub(crate) fn stored_mark(&self, mark: &str) -> String {
        format!("{} {mark}", self.id)
    }

    /// The mark that this very definition left, if it did.
    pub(crate) fn own_mark(&self, stored: Option<&str>) -> Option<String> {
        let (id, mark) = stored?.split_once(' ')?;
        (id.parse::<DefinitionId>().ok()? == self.id).then(|| mark.to_owned())
    }
}

/// The mark that a load left, from one as it stands in the store ([`Head::mark`](kiwi_store::Head)), whatever loaded it.
#[must_use]
pub fn mark_as_set(stored: &str) -> Option<&str> {
    stored.split_once(' ').map(|(_, mark)| mark)
}

/// Says which suggestions of a plugin are not followed, where they would matter.
fn warn_of_overruled(config: &CacheConfig, plugin: &Plugin, description: &Description) {
    let timing = &config.timing;
    for suggestion in &description.overruled {
        let is_decided = match suggestion.key {
            "reload_ttl" => timing.reload_ttl.is_some(),
            _ => timing.cache_ttl.is_some(),
        };
        if !is_decided {
            tracing::warn!(cache = %config.name, "plugin {}: {}", plugin.path().display(), suggestion.message);
        }
    }
}
