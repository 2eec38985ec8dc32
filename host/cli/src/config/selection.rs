//! Which caches a command runs: all of kiwi.toml, or those of the plugins it was given.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use kiwi_host::CacheConfig;
use kiwi_store::{Error, Name, Result};

use super::{Config, Defaults};

/// The caches to run. No plugins: all of kiwi.toml. Else the caches that use one of them, and for a
/// plugin that no cache uses, a cache with defaults that is named by the file's stem.
///
/// # Errors
/// A name comes twice, or a stem cannot be a name (`is_invalid`).
pub(crate) fn select(config: Option<&Config>, plugins: &[PathBuf]) -> Result<Vec<CacheConfig>> {
    let configured = config.map_or(&[][..], |config| &config.caches);
    if plugins.is_empty() {
        return Ok(configured.to_vec());
    }
    let defaults = config.map(|config| config.defaults.clone()).unwrap_or_default();
    let wanted: Vec<PathBuf> = plugins.iter().map(|plugin| canonical(plugin)).collect();
    let uses = |cache: &&CacheConfig, plugin: &PathBuf| cache.plugin().is_some_and(|path| canonical(path) == *plugin);
    let mut selected: Vec<CacheConfig> =
        configured.iter().filter(|cache| wanted.iter().any(|plugin| uses(cache, plugin))).cloned().collect();
    let mut taken: HashSet<Name> = configured.iter().map(|cache| cache.name.clone()).collect();
    for (plugin, canonical) in plugins.iter().zip(&wanted) {
        if configured.iter().any(|cache| uses(&cache, canonical)) {
            continue;
        }
        let cache = named_by_stem(&defaults, plugin)?;
        if !taken.insert(cache.name.clone()) {
            return Err(Error::invalid(format!(
                "the plugin `{}` would need the name `{}`, which another cache has: give one of them a \
                 `[cache.NAME]` with `plugin = \"{}\"` in kiwi.toml",
                plugin.display(),
                cache.name,
                plugin.display(),
            )));
        }
        selected.push(cache);
    }
    Ok(selected)
}

fn named_by_stem(defaults: &Defaults, plugin: &Path) -> Result<CacheConfig> {
    let stem = plugin.file_stem().unwrap_or_default().to_string_lossy();
    let name: Name = stem.parse().map_err(|error| {
        let message = format!(
            "the plugin `{}` cannot name its cache: give it a `[cache.NAME]` in kiwi.toml, or rename the file",
            plugin.display()
        );
        Error::invalid(message).because(error)
    })?;
    Ok(defaults.cache(name, plugin))
}

/// The file itself, whatever path leads to it. One that is not there is compared as written.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
