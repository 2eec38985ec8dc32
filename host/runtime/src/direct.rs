//! A reader in the host's own program that finds nothing has the host load at once: it need not ask
//! through the store.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use kiwi_cache::Refill;
use kiwi_store::{Error, Result};

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::warm::Shared;

/// Loads one cache of a host for a reader, by the same way as the schedule does: under the lease, so that
/// there is one load however many ask, and what another host has just published counts.
pub(crate) struct DirectRefill {
    shared: Arc<Shared>,
    index: usize,
    /// What only a change can mend: then the source is not asked again.
    refused: OnceLock<Failure>,
}

impl DirectRefill {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        Self { shared, index, refused: OnceLock::new() }
    }

    /// Why the source is not asked now.
    async fn left_alone(&self, left: Duration) -> Error {
        let name = &self.shared.caches[self.index].cache.name;
        let last_error = self.shared.store.status(name).await.ok().and_then(|status| status.last_error);
        let why = last_error.map_or(String::new(), |error| format!(" ({}): {}", error.kind, error.message));
        Error::load_failed(format!("its source is left alone for another {left:.1?}, after a load that failed{why}"))
            .of(name)
    }
}

#[async_trait]
impl Refill for DirectRefill {
    async fn refill(&self) -> Result<()> {
        let cache = &self.shared.caches[self.index].cache;
        let failed = |failure: &Failure| Err(Error::load_failed(failure.to_string()).of(&cache.name));
        if let Some(failure) = self.refused.get() {
            return failed(failure);
        }
        match self.shared.refill_due(cache).await {
            Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Fresh { .. } => Ok(()),
            Outcome::Failed(failure) if failure.kind.needs_a_change() => failed(self.refused.get_or_init(|| failure)),
            Outcome::Failed(failure) => failed(&failure),
            Outcome::Backoff { left } | Outcome::Busy { left } => Err(self.left_alone(left).await),
            Outcome::Abandoned => Err(Error::load_failed("the load was dropped").of(&cache.name)),
        }
    }
}
