//! Loads at once for a reader in the host's own program that finds nothing: it need not ask through the
//! store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kiwi_cache::Refill;
use kiwi_store::{Error, Name, Result};

use super::shared::Supervisor;
use crate::definition::cache::Definition;
use crate::events::outcome::Outcome;
use crate::failure::Failure;

/// Loads one cache of a host for a reader, in the same way as the schedule does: under the lease, so that
/// there is one load however many ask, and what another host has just published counts.
pub(crate) struct ReadThrough {
    shared: Arc<Supervisor>,
    name: Name,
    /// A failure that only another definition can fix: under this one the source is not asked again.
    permanent: Mutex<Option<(Arc<Definition>, Failure)>>,
}

impl ReadThrough {
    pub(crate) fn new(shared: Arc<Supervisor>, name: Name) -> Self {
        Self { shared, name, permanent: Mutex::default() }
    }

    /// Why the source is not asked now.
    async fn left_alone(&self, left: Duration) -> Error {
        let status = self.shared.caches().store.status(&self.name).await;
        let last_error = status.ok().and_then(|status| status.last_error);
        let why = last_error.map_or(String::new(), |error| format!(" ({}): {}", error.kind, error.message));
        Error::load_failed(format!("backing off from its source for another {left:.1?}: its last load failed{why}"))
            .of(&self.name)
    }
}

#[async_trait]
impl Refill for ReadThrough {
    async fn refill(&self) -> Result<()> {
        let entry = self.shared.find(&self.name)?;
        let failed = |failure: &Failure| Err(Error::load_failed(failure.to_string()).of(&self.name));
        let permanent = self.permanent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((definition, failure)) = permanent
            && Arc::ptr_eq(&definition, &entry.cache.definition)
        {
            return failed(&failure);
        }
        match self.shared.refill_due(&entry).await {
            Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Fresh { .. } => Ok(()),
            Outcome::Failed(failure) if failure.kind.needs_a_change() => {
                let permanent = (Arc::clone(&entry.cache.definition), failure.clone());
                *self.permanent.lock().unwrap_or_else(PoisonError::into_inner) = Some(permanent);
                failed(&failure)
            }
            Outcome::Failed(failure) => failed(&failure),
            Outcome::Backoff { left } | Outcome::Busy { left } => Err(self.left_alone(left).await),
            Outcome::Abandoned => Err(Error::load_failed("the load was abandoned").of(&self.name)),
        }
    }
}
