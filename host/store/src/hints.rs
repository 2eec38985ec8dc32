//! Hints between readers and hosts: they may be lost, and nothing depends on them.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{Name, Result};

/// The caches that readers ask for, as they ask: see [`Store::asks`].
pub type Asks = BoxStream<'static, Name>;

/// How a reader that finds nothing reaches the host that runs its cache.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Asks whatever host runs a cache to look after it, for a reader that finds nothing there. Changes
    /// no data. Nobody may be listening, so it is to be repeated by who waits.
    async fn ask(&self, cache: &Name) -> Result<()>;

    /// The names of those of these caches that are asked for from now on; one that is asked for many
    /// times at once may come once. It ends when the store is not heard any more.
    async fn asks(&self, caches: &[Name]) -> Result<Asks>;
}
