//! Loads at once for a reader in the host's own program that finds nothing: it need not ask through the
//! store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kiwi_cache::Refill;
use kiwi_store::{Error, Name, Result};

use super::shared::Supervisor;
use crate::events::outcome::Outcome;

/// Loads one cache of a host for a reader, in the same way as the schedule does: under the lease, so that
/// there is one load however many ask, and what another host has just published counts.
pub(crate) struct ReadThrough {
    shared: Arc<Supervisor>,
    name: Name,
}

impl ReadThrough {
    pub(crate) fn new(shared: Arc<Supervisor>, name: Name) -> Self {
        Self { shared, name }
    }

    /// Why the source is not asked now.
    async fn left_alone(&self, left: Duration) -> Error {
        let status = self.shared.caches().store.status(&self.name).await;
        let last_error = status.ok().and_then(|status| status.last_error().cloned());
        let why = last_error.map_or(String::new(), |error| format!(" ({}): {}", error.kind, error.message));
        Error::load_failed(format!("backing off from its source for another {left:.1?}: its last load failed{why}"))
            .of(&self.name)
    }
}

#[async_trait]
impl Refill for ReadThrough {
    async fn refill(&self) -> Result<()> {
        let entry = self.shared.find(&self.name)?;
        match self.shared.refill_due(&entry).await {
            Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Fresh { .. } => Ok(()),
            Outcome::Failed(failure) => Err(Error::load_failed(failure.to_string()).of(&self.name)),
            Outcome::Backoff { left } | Outcome::Busy { left } => Err(self.left_alone(left).await),
            Outcome::Abandoned => Err(Error::load_failed("the load was abandoned").of(&self.name)),
        }
    }
}
