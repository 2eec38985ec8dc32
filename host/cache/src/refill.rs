//! How a service that embeds a host loads a cache itself.

use async_trait::async_trait;
use kiwi_store::Result;

/// Loads the source of one cache, for a reader that has nothing to serve:
/// see [`Builder::refill_by`](crate::Builder::refill_by).
///
/// `kiwi-host` implements it for the caches of an embedded host. Implement it yourself only where your
/// service publishes to the store in another way.
///
/// ```no_run
/// use async_trait::async_trait;
/// use kiwi_cache::{Cache, Error, Refill};
/// use std::sync::Arc;
///
/// struct Airlines;
///
/// #[async_trait]
/// impl Refill for Airlines {
///     async fn refill(&self) -> kiwi_cache::Result<()> {
///         publish_airlines().await.map_err(|error| Error::load_failed("the airlines' server is down").because(error))
///     }
/// }
///
/// async fn publish_airlines() -> std::io::Result<()> {
///     // Loads the airlines and publishes them.
/// #   Ok(())
/// }
///
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// let builder = Cache::builder("airlines").store("redis://127.0.0.1:6379").start_missing();
/// let airlines: Cache<String> = builder.refill_by(Arc::new(Airlines)).connect().await?;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Refill: Send + Sync {
    /// Loads the source and publishes what it gives to the store of the reader.
    ///
    /// # Errors
    /// The load failed ([`Error::load_failed`](kiwi_store::Error::load_failed)), or the store did.
    async fn refill(&self) -> Result<()>;
}
