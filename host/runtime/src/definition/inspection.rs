//! What a plugin is, and what it would need to run a cache: without running it.

use super::config::CacheConfig;
use super::needs::check_needs;
use super::plugin_error::PluginError;
use crate::loader::description::Description;
use crate::sandbox::shared::Sandbox;

/// What a plugin is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The world it was built for: `loader` or `described-loader`.
    pub world: &'static str,
    /// The version of the contract it was built against; `None` when it uses nothing of it by name.
    pub contract_version: Option<String>,
    /// What it imports, sorted.
    pub imports: Vec<String>,
    /// How it describes itself; `None` when it does not.
    pub description: Option<Description>,
    /// What keeps it from running the cache it was inspected for.
    pub problem: Option<PluginError>,
}

/// Compiles a plugin and reports what it takes and needs, with the settings and grants of a cache.
///
/// # Errors
/// The file is not a loader that this host can run, or its `describe` fails.
pub async fn inspect(sandbox: &Sandbox, cache: &CacheConfig) -> Result<Inspection, PluginError> {
    let Some(path) = cache.plugin() else {
        let message = "it is part of this program: there is no component to inspect";
        return Err(PluginError::of(&cache.loader, message));
    };
    let of_plugin = |message| PluginError::of_plugin(path, message);
    let plugin = sandbox.plugin(path).await.map_err(of_plugin)?;
    let description = plugin.describe(&cache.name, &cache.settings).await.map_err(of_plugin)?;
    Ok(Inspection {
        world: plugin.world(),
        contract_version: plugin.contract_version().map(ToOwned::to_owned),
        imports: plugin.imports().to_vec(),
        description,
        problem: check_needs(cache, &plugin).await.err(),
    })
}
