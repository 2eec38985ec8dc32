//! A source that a reader loads itself, and a reader for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kiwi_cache::{Builder, Cache, Refill};
use kiwi_store::Error;
use tokio::sync::Semaphore;

use crate::LONG;
use crate::place::Place;
use crate::publisher::Publisher;

/// A source that an embedding service loads itself.
pub(crate) struct Source {
    pub(crate) publisher: Publisher,
    /// How many loads fail before one succeeds.
    failures: usize,
    loads: AtomicUsize,
    /// One permit a load.
    pub(crate) gate: Semaphore,
}

impl Source {
    pub(crate) fn new(place: &impl Place, failures: usize) -> Arc<Self> {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Arc::new(Self { publisher: Publisher::new(place), failures, loads: AtomicUsize::new(0), gate })
    }

    /// One whose loads wait for a permit.
    pub(crate) fn closed(place: &impl Place, failures: usize) -> Arc<Self> {
        let publisher = Publisher::new(place);
        Arc::new(Self { publisher, failures, loads: AtomicUsize::new(0), gate: Semaphore::new(0) })
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Refill for Source {
    async fn refill(&self) -> kiwi_store::Result<()> {
        let load = self.loads.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.unwrap().forget();
        if load < self.failures {
            return Err(Error::load_failed(format!("load {load} failed")));
        }
        self.publisher.publish(&[("FR", "1")]).await;
        Ok(())
    }
}

/// A reader that starts with nothing, and polls the store too seldom to matter.
pub(crate) fn reader(place: &impl Place) -> Builder<Cache<u64>> {
    Cache::builder("airlines").store(place.url()).reload_ttl(LONG).poll_only().start_missing()
}
