//! One cache of a host, as its program sees it.

use kiwi_store::Name;

use crate::cache::Cache;
use crate::config::Timing;
use crate::loader::AnyLoader;
use crate::progress::Progress;

/// One cache that a [`Host`](crate::Host) runs.
#[derive(Clone, Copy)]
pub struct Instance<'a>(&'a Cache);

impl<'a> Instance<'a> {
    pub(crate) fn new(cache: &'a Cache) -> Self {
        Self(cache)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a Name {
        &self.0.name
    }

    /// What loads it.
    #[must_use]
    pub fn loader(self) -> &'a AnyLoader {
        &self.0.config.loader
    }

    /// How often it is loaded, and how long its data lives: with what the plugin proposes, and the
    /// defaults.
    #[must_use]
    pub fn timing(self) -> &'a Timing {
        &self.0.timing
    }

    /// How far its load has come.
    #[must_use]
    pub fn progress(self) -> &'a Progress {
        &self.0.progress
    }
}

impl std::fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("name", self.name()).field("loader", self.loader()).finish_non_exhaustive()
    }
}
