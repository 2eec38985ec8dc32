//! Readers that find nothing ask for it: the host then looks at once, and not only at its next turn.
//!
//! An ask is a hint. It makes the host look at the cache, and what the host sees decides, as it does
//! each second anyway: no ask can make it load what is there, or what a backoff forbids.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use kiwi_store::{Asks, Name};
use tokio::time::{Instant, timeout_at};

use crate::warm::Shared;

/// Asks that come within this time are one look: a flood of them costs a look each time, not each.
const GATHER: Duration = Duration::from_millis(50);
/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_secs(1);

impl Shared {
    /// Listens as long as the host runs. Where the store is away, the watch says so.
    pub(crate) async fn listen(&self) {
        let names: Vec<Name> = self.caches.iter().map(|entry| entry.cache.name.clone()).collect();
        loop {
            match self.store.asks(&names).await {
                Ok(asks) => self.answer(asks).await,
                Err(error) if error.is_denied() => {
                    tracing::warn!("readers that find nothing are heard of within a second, and not at once: {error}");
                    return;
                }
                Err(error) => tracing::debug!("cannot listen to readers: {error}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks at what is asked for, until nothing can be heard any more.
    async fn answer(&self, asks: Asks) {
        let mut asks = asks.fuse();
        while let Some(name) = asks.next().await {
            let mut asked = BTreeSet::from([name]);
            let until = Instant::now() + GATHER;
            while let Ok(Some(name)) = timeout_at(until, asks.next()).await {
                asked.insert(name);
            }
            self.look_at(&asked.into_iter().collect::<Vec<_>>()).await;
        }
    }

    async fn look_at(&self, asked: &[Name]) {
        match self.store.statuses(asked).await {
            Ok(statuses) => {
                for (name, status) in asked.iter().zip(statuses) {
                    if let Some(entry) = self.caches.iter().find(|entry| entry.cache.name == *name) {
                        self.seen(entry, status);
                    }
                }
            }
            Err(error) => tracing::debug!("a reader asks, but the store cannot be looked at: {error}"),
        }
    }
}
