//! Caches that `kiwi-host publish` publishes: `source = "publish"` in place of a plugin.

use kiwi_host::{LoadError, Loader, Output};
use kiwi_store::Error;

use super::section::Section;

/// What fills a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Its plugin, run by a host.
    Plugin,
    /// The rows that `kiwi-host publish` is given.
    Publish,
}

impl Source {
    /// Reads the key `source` of a cache. Without it, a plugin fills the cache.
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let source = section.text("source", |source| match source {
            "publish" => Ok(Self::Publish),
            _ => Err(Error::invalid(format!(
                "`{}` is not valid (expected `publish`, or no `source` for a cache that a plugin loads)",
                source.escape_debug()
            ))),
        });
        source.unwrap_or(Self::Plugin)
    }
}

/// Stands for the loader of a cache that no host loads. `kiwi-host publish` puts its rows in this place.
pub(super) struct NotLoadedHere;

impl Loader for NotLoadedHere {
    async fn load_from_source(&self, _: &mut Output) -> Result<(), LoadError> {
        Err(LoadError::other("its rows come from `kiwi-host publish`: no host loads it"))
    }

    fn shares_source(&self) -> bool {
        false
    }
}

/// The limits of a sandbox.
const SANDBOX: [&str; 7] =
    ["memory", "log_bytes", "hostcall_bytes", "http_response_bytes", "open_responses", "query_rows", "query_bytes"];

/// Reports what only a plugin has.
pub(super) fn check_published(section: &mut Section<'_>) {
    if section.has("plugin") {
        let message = "`plugin` contradicts `source = \"publish\"`: remove `source` if the plugin loads this cache, or \
                       else `plugin`";
        section.problem_at("plugin", message.to_owned());
    }
    let without_effect = |name: &str| {
        format!("`{name}` has no effect with `source = \"publish\"`, because no plugin loads this cache: remove it")
    };
    for key in ["settings", "grants"].into_iter().filter(|key| section.has(key)) {
        section.problem_at(key, without_effect(key));
    }
    let Some(limits) = section.section("limits") else { return };
    for key in SANDBOX.into_iter().filter(|key| limits.has(key)) {
        limits.problem_at(key, without_effect(&format!("limits.{key}")));
    }
}
