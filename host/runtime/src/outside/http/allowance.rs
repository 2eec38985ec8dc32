//! Limits on the HTTP requests and responses of one load.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::limits::Limits;
use crate::entries::progress::Progress;
use crate::failure::Failure;
use crate::memory::{Memory, Part};
use crate::outside::load_secrets::LoadSecrets;

/// How much the answers of one load may take, and its secrets. Cheap to clone; all clones are one allowance.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    /// Bytes of one body, after decompression.
    pub(super) max_bytes: u64,
    max_open: u64,
    /// Where the host's memory for it counts.
    pub(super) memory: Memory,
    /// One permit an open answer.
    places: Arc<Semaphore>,
    /// Says what the load waits for.
    pub(super) progress: Arc<Progress>,
    retry_after: Arc<Mutex<Option<Duration>>>,
    pub(super) secrets: LoadSecrets,
}

/// The right to one open answer: it is held until the answer has ended, with what its request takes.
#[derive(Debug)]
pub(crate) struct Place {
    _answer: OwnedSemaphorePermit,
    /// One of the connections of the host.
    connection: Option<OwnedSemaphorePermit>,
    body: Part,
    pub(super) progress: Arc<Progress>,
}

impl Place {
    /// Counts the memory of the request's body.
    ///
    /// # Errors
    /// `Limit`: the load has too much memory with this.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<(), Failure> {
        self.body.resize(bytes).map_err(|wanted| {
            let message = format!(
                "with the body of an HTTP request ({bytes} bytes), the load needs {wanted} bytes of memory in all, more \
                 than the {} allowed",
                self.body.max()
            );
            Failure::limit("memory", message)
        })
    }

    pub(super) fn connect(&mut self, connection: OwnedSemaphorePermit) {
        self.connection = Some(connection);
    }
}

impl Allowance {
    pub(crate) fn new(limits: &Limits, memory: Memory, progress: Arc<Progress>, secrets: LoadSecrets) -> Self {
        let most = usize::try_from(limits.open_responses).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            max_bytes: limits.http_response_bytes,
            max_open: limits.open_responses,
            memory,
            places: Arc::new(Semaphore::new(most)),
            progress,
            retry_after: Arc::default(),
            secrets,
        }
    }

    /// Says what the load waits for.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// How long the source asks to be left alone, where the last answer refused for now.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_retry_after(&self, retry_after: Option<Duration>) {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = retry_after;
    }

    /// A place for one more open answer.
    ///
    /// # Errors
    /// All are taken (`Limit`).
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let answer = self.places.clone().try_acquire_owned().map_err(|_| {
            let message = format!(
                "the plugin holds {} HTTP responses open, and asks for one more: it must read them to the end or drop them",
                self.max_open
            );
            Failure::limit("open_responses", message)
        })?;
        Ok(Place { _answer: answer, connection: None, body: self.memory.part(), progress: self.progress.clone() })
    }
}
