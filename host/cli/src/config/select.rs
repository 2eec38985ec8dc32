//! Which caches a command runs: all of kiwi.toml, or those of the given plugins.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use kiwi_host::CacheConfig;
use kiwi_store::{Error, Name, Result};

use super::cache::Defaults;
use super::file::Config;
use crate::shipped;

/// The caches to run. A plugin is a path, or the name of a shipped one. Without plugins, all caches of kiwi.toml. Otherwise the caches that use one of
/// the plugins; a plugin that no cache uses gets a cache with defaults, named after its file.
///
/// # Errors
/// No such plugin was shipped, two caches would have the same name, or a file name is not a valid name (`is_invalid`).
pub(crate) fn select(config: Option<&Config>, plugins: &[PathBuf]) -> Result<Vec<CacheConfig>> {
    let configured = config.map_or(&[][..], |config| &config.caches);
    if plugins.is_empty() {
        return Ok(configured.to_vec());
    }
    let defaults = config.map(|config| config.defaults.clone()).unwrap_or_default();
    let wanted = plugins.iter().map(|plugin| Ok(canonical(&found(plugin)?))).collect::<Result<Vec<PathBuf>>>()?;
    let uses = |cache: &&CacheConfig, plugin: &PathBuf| cache.plugin().is_some_and(|path| canonical(path) == *plugin);
    let mut selected: Vec<CacheConfig> =
        configured.iter().filter(|cache| wanted.iter().any(|plugin| uses(cache, plugin))).cloned().collect();
    let mut taken: HashSet<Name> =
        config.iter().flat_map(|config| config.all()).map(|cache| cache.name.clone()).collect();
    for (plugin, canonical) in plugins.iter().zip(&wanted) {
        if configured.iter().any(|cache| uses(&cache, canonical)) {
            continue;
        }
        let cache = named_after_file(&defaults, plugin)?;
        if !taken.insert(cache.name.clone()) {
            return Err(Error::invalid(format!(
                "plugin `{}`: the cache name `{}` is already taken; add a `[cache.NAME]` table with `plugin = \"{}\"` \
                 to kiwi.toml",
                plugin.display(),
                cache.name,
                plugin.display(),
            )));
        }
        selected.push(cache);
    }
    Ok(selected)
}

fn named_after_file(defaults: &Defaults, plugin: &Path) -> Result<CacheConfig> {
    let stem = plugin.file_stem().unwrap_or_default().to_string_lossy();
    let name: Name = stem.parse().map_err(|error| {
        let message = format!(
            "plugin `{}`: its file name is not a valid cache name; rename the file, or add a `[cache.NAME]` table with \
             this plugin to kiwi.toml",
            plugin.display()
        );
        Error::invalid(message).because(error)
    })?;
    Ok(defaults.cache(name, &found(plugin)?))
}

/// Where a plugin of the command line is.
fn found(plugin: &Path) -> Result<PathBuf> {
    let Some(path) = shipped::path_of(plugin) else { return Ok(plugin.to_owned()) };
    match plugin.to_str().and_then(shipped::absent) {
        Some(absent) => Err(Error::invalid(absent)),
        None => Ok(path),
    }
}

/// The file itself, whichever path leads to it. A file that does not exist is compared as written.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
