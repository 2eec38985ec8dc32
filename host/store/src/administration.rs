//! Administration: what an operator asks of a store.

use async_trait::async_trait;

use crate::{HostState, Name, Result};

/// A problem that [`Administration::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether caches cannot work with it at all.
    pub fatal: bool,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What an operator does with a store.
#[async_trait]
pub trait Administration: Send + Sync {
    /// The caches that have a snapshot, a failure or a host here, sorted.
    async fn caches(&self) -> Result<Vec<Name>>;

    /// The hosts that keep each of these caches warm, or cannot, in the order of the caches: those that were heard of
    /// last come first, and dead ones are kept for a day.
    async fn hosts(&self, caches: &[Name]) -> Result<Vec<Vec<HostState>>>;

    /// Deletes everything of a cache. `false`: there was nothing.
    async fn forget(&self, cache: &Name) -> Result<bool>;

    /// What a host needs of the store and does not have: permissions, memory policy, disk.
    ///
    /// # Errors
    /// Only when the store cannot be reached at all.
    async fn check(&self) -> Result<Vec<Finding>>;
}
