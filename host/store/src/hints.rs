//! Hints between readers and hosts: they may be lost, and nothing depends on them.

use std::fmt;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Stream};

use crate::{Name, Result};

/// The caches that readers ask for, as they ask: see [`Hints::asks`].
pub struct Asks(BoxStream<'static, Name>);

impl Asks {
    pub(crate) fn new(asked: impl Stream<Item = Name> + Send + 'static) -> Self {
        Self(asked.boxed())
    }

    /// The next cache that a reader asks for. `None`: the store cannot be heard any more. Nothing is lost
    /// if the wait is given up.
    pub async fn next(&mut self) -> Option<Name> {
        self.0.next().await
    }
}

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asks").finish_non_exhaustive()
    }
}

/// How a reader that finds nothing reaches the host that runs its cache.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Asks whatever host runs a cache to refill it, for a reader that finds nothing there. Changes
    /// no data. It may be that no host hears it, so a reader that waits repeats it.
    async fn ask(&self, cache: &Name) -> Result<()>;

    /// The names of those of these caches that are asked for from now on. One that is asked for many
    /// times at once may come once.
    async fn asks(&self, caches: &[Name]) -> Result<Asks>;
}
