//! How a service that embeds a host loads a cache itself.

use async_trait::async_trait;
use kiwi_store::Result;

/// Loads the source of one cache, for a reader that has nothing to serve:
/// see [`Builder::refill_by`](crate::Builder::refill_by).
///
/// `kiwi-host` implements it for the caches of an embedded host. Implement it yourself only where your
/// service publishes to the store in another way.
#[async_trait]
pub trait Refill: Send + Sync {
    /// Loads the source and publishes what it gives to the store of the reader.
    ///
    /// # Errors
    /// The load failed ([`Error::load_failed`](kiwi_store::Error::load_failed)), or the store did.
    async fn refill(&self) -> Result<()>;
}
