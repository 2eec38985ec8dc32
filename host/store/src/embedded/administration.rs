//! The administration role: what an operator asks of a directory.

use async_trait::async_trait;

use super::check::check;
use super::store::Embedded;
use crate::{Administration, Finding, Name, Presence, Reading, Result, Status};

#[async_trait]
impl Administration for Embedded {
    async fn caches(&self) -> Result<Vec<Name>> {
        let mut names = self
            .blocking(|directory, _| directory.names().map_err(|failure| failure.explain(directory.path())))
            .await?;
        let statuses = self.statuses(&names).await?;
        let mut statuses = statuses.iter();
        // An environment stays when a refill was released, or when what it published has expired.
        names.retain(|_| statuses.next().is_some_and(|status| !status.as_ref().is_ok_and(is_nothing)));
        Ok(names)
    }

    async fn forget(&self, cache: &Name) -> Result<bool> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| directory.forget(&name)).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.blocking(|directory, _| Ok(check(directory))).await
    }
}

/// Whether there is nothing to say of a cache.
fn is_nothing(status: &Status) -> bool {
    matches!(status, Status { presence: Presence::Missing, last_error: None, .. })
}
