//! The administration role: what an operator asks of a directory.

use async_trait::async_trait;

use super::check::check;
use super::hosts;
use super::store::Embedded;
use crate::{Administration, Finding, HostState, Name, Presence, Reading, Result, Status};

#[async_trait]
impl Administration for Embedded {
    async fn caches(&self) -> Result<Vec<Name>> {
        let mut names = self
            .blocking(|directory, _| directory.names().map_err(|failure| failure.explain(directory.path())))
            .await?;
        let (statuses, hosts) = (self.statuses(&names).await?, self.hosts(&names).await?);
        let mut known = statuses.iter().zip(hosts);
        // An environment stays when a refill was released, or when what it published has expired.
        names.retain(|_| {
            known.next().is_some_and(|(status, hosts)| !hosts.is_empty() || !status.as_ref().is_ok_and(is_nothing))
        });
        Ok(names)
    }

    async fn hosts(&self, caches: &[Name]) -> Result<Vec<Vec<HostState>>> {
        let mut all = Vec::with_capacity(caches.len());
        for cache in caches {
            let name = cache.clone();
            all.push(self.on_disk(cache, move |directory, _| hosts::hosts(directory, &name)).await?);
        }
        Ok(all)
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
    matches!(status.presence, Presence::Missing) && status.failing.is_empty()
}
