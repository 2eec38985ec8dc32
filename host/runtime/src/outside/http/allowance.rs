//! Limits on the HTTP requests and responses of one load.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::limits::Limits;
use crate::failure::Failure;
use crate::memory::Memory;

/// How much the answers of one load may take. Cheap to clone; all clones are one allowance.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    /// Bytes of one body, after decompression.
    pub(super) max_bytes: u64,
    max_open: u64,
    /// Where the host's memory for it counts.
    pub(super) memory: Memory,
    /// One permit an open answer.
    places: Arc<Semaphore>,
}

impl Allowance {
    pub(crate) fn new(limits: &Limits, memory: Memory) -> Self {
        let most = usize::try_from(limits.open_responses).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            max_bytes: limits.http_response_bytes,
            max_open: limits.open_responses,
            memory,
            places: Arc::new(Semaphore::new(most)),
        }
    }

    /// A place for one more open answer.
    ///
    /// # Errors
    /// All are taken (`Limit`).
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            let message = format!(
                "the plugin holds {} HTTP responses open, and asks for one more: it must read them to the end or drop them",
                self.max_open
            );
            Failure::limit("open_responses", message)
        })
    }
}
