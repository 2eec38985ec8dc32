//! One cache of a host, as its program sees it.

use std::fmt;
use std::sync::Arc;

use kiwi_store::Name;

use crate::config::timing::Timing;
use crate::definition::config::AnyLoader;
use crate::entries::progress::Progress;
use crate::supervisor::caches::Entry;

/// One cache that a [`Host`](crate::Host) runs, as it was configured when it was asked for. Cheap to clone.
#[derive(Clone)]
pub struct Instance(Arc<Entry>);

impl Instance {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self(entry)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        self.0.cache.name()
    }

    /// What loads it.
    #[must_use]
    pub fn loader(&self) -> &AnyLoader {
        &self.0.cache.definition.config.loader
    }

    /// How often it is loaded, and how long its data lives, with what the plugin suggests and the
    /// defaults.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.0.cache.definition.timing
    }

    /// How far its load has come.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.0.cache.standing.progress
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("name", self.name()).field("loader", self.loader()).finish_non_exhaustive()
    }
}
