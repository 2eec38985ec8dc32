//! What a plugin is, and what it would need to run a cache: without running it.

use crate::cache::check;
use crate::config::CacheConfig;
use crate::description::Description;
use crate::plugin_error::PluginError;
use crate::sandbox::Sandbox;

/// What a plugin is.
#[derive(Debug)]
pub struct Inspection {
    /// The world it was built for: `loader` or `described-loader`.
    pub world: &'static str,
    /// The version of the contract it was built against; `None` when it uses nothing of it by name.
    pub contract_version: Option<String>,
    /// What it imports, sorted.
    pub imports: Vec<String>,
    /// What it tells about itself; `None` when it tells nothing.
    pub description: Option<Description>,
    /// What keeps it from running the cache it was inspected for.
    pub obstacle: Option<PluginError>,
}

/// Compiles a plugin and asks what it takes and needs, with the settings and grants of a cache.
///
/// # Errors
/// The file is not a loader this host can run, or its `describe` fails.
pub async fn inspect(sandbox: &Sandbox, cache: &CacheConfig) -> Result<Inspection, PluginError> {
    let Some(path) = cache.plugin() else {
        return Err(PluginError::of(&cache.loader, "it is part of this program: there is no component to inspect"));
    };
    let plugin = sandbox.plugin(path).await?;
    let description = plugin.describe(&cache.name, &cache.settings).await?;
    Ok(Inspection {
        world: plugin.world(),
        contract_version: plugin.contract_version().map(ToOwned::to_owned),
        imports: plugin.imports().to_vec(),
        description,
        obstacle: check(cache, &plugin).await.err(),
    })
}
