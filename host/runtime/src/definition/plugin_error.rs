//! Why a loader cannot run a cache.

use std::fmt;
use std::path::Path;

use super::config::AnyLoader;
use crate::loader::description::{AskedGrant, Setting};

/// Why a plugin, or a native loader, cannot run a cache: found before it is run for the first time.
#[derive(Debug)]
pub struct PluginError {
    /// Which it is.
    loader: String,
    message: String,
    needs: Option<Needs>,
}

/// What a plugin asks for in its description and was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Required settings that are not set.
    pub settings: Vec<Setting>,
    /// Grants that were not given.
    pub grants: Vec<AskedGrant>,
}

impl Needs {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.grants.is_empty()
    }
}

impl PluginError {
    pub(crate) fn of_plugin(plugin: &Path, message: impl Into<String>) -> Self {
        Self { loader: named(plugin), message: message.into(), needs: None }
    }

    /// Of a loader of either kind.
    pub(crate) fn of(loader: &AnyLoader, message: impl Into<String>) -> Self {
        let loader = match loader {
            AnyLoader::Component(path) => named(path),
            AnyLoader::Native(loader) => format!("loader {loader}"),
        };
        Self { loader, message: message.into(), needs: None }
    }

    /// The settings and grants of a cache are not those that its plugin needs.
    pub(crate) fn unfit(plugin: &Path, mut problems: Vec<String>, needs: Needs) -> Self {
        let settings =
            needs.settings.iter().map(|setting| format!("the setting `{}` ({})", setting.name, setting.help));
        let grants = needs
            .grants
            .iter()
            .map(|grant| format!("the grant {} = \"{}\" ({})", grant.kind, grant.name, grant.reason));
        let all: Vec<String> = settings.chain(grants).collect();
        if !all.is_empty() {
            problems.push(format!("it needs {}", all.join(", ")));
        }
        let needs = (!needs.is_empty()).then_some(needs);
        Self { loader: named(plugin), message: problems.join("; "), needs }
    }

    /// What to add to the cache's configuration, if that is what is missing.
    #[must_use]
    pub fn needs(&self) -> Option<&Needs> {
        self.needs.as_ref()
    }
}

fn named(plugin: &Path) -> String {
    format!("plugin {}", plugin.display())
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.loader, self.message)
    }
}

impl std::error::Error for PluginError {}
