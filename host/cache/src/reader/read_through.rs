//! What a reader that holds nothing does for a read: looks at the store, and else has the source loaded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::attempts::{Attempts, Next};
use super::reload::Reload;
use kiwi_store::Store;
use kiwi_store::{Error, Name, Result};

/// How often the hosts are asked while nothing comes: whoever starts to listen late hears of it too.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// How often the store is looked at meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(150);
/// How long to wait for the store's word on why nothing came.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How a service that embeds a host has it load a cache: see [`Builder::refill_by`](super::Builder::refill_by).
#[async_trait]
pub trait Refill: Send + Sync {
    /// Loads the source and publishes what it gives, in the store that the reader reads.
    ///
    /// # Errors
    /// The load failed ([`Error::load_failed`]), or the store did.
    async fn refill(&self) -> Result<()>;
}

/// Who loads the source.
pub(super) enum Source {
    /// A host in this program.
    Embedded(Arc<dyn Refill>),
    /// Whichever host runs the cache: it is asked through the store, and waited for.
    Asked { timeout: Duration },
}

/// Gets a first snapshot for a reader that has none.
pub(super) struct ReadThrough {
    store: Arc<dyn Store>,
    cache: Name,
    source: Source,
    attempts: Lock<Attempts>,
    /// Whether it was logged that we may not ask.
    told_denied: AtomicBool,
}

impl ReadThrough {
    pub(super) fn new(store: Arc<dyn Store>, cache: Name, source: Source, max_attempts: i32) -> Self {
        let attempts = Lock::new(Attempts::new(max_attempts));
        Self { store, cache, source, attempts, told_denied: AtomicBool::new(false) }
    }

    /// Ends with a snapshot in hand, or with why there is none.
    pub(super) async fn get<V: DeserializeOwned>(&self, reload: &Mutex<Reload<V>>) -> Result<()> {
        loop {
            let Err(failure) = self.attempt(reload).await else { return Ok(()) };
            if !may_be_mended(&failure) {
                return Err(failure);
            }
            let next = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).failed();
            match next {
                Next::Again => debug!(cache = %self.cache, "trying again, because of max_attempts: {failure}"),
                Next::Raise => return Err(failure.of(&self.cache)),
                // Somebody else may have published meanwhile.
                Next::GiveUp => return look(reload).await.map_err(|_| self.nothing(failure)),
            }
        }
    }

    /// The store, and then the source.
    async fn attempt<V: DeserializeOwned>(&self, reload: &Mutex<Reload<V>>) -> Result<()> {
        match look(reload).await {
            Err(error) if error.is_missing() => {}
            // What the source gave could not be published in a store that is away.
            ended => return ended,
        }
        match &self.source {
            Source::Embedded(host) => {
                host.refill().await?;
                look(reload).await
            }
            Source::Asked { timeout } => self.ask_and_wait(reload, *timeout).await,
        }
    }

    async fn ask_and_wait<V: DeserializeOwned>(&self, reload: &Mutex<Reload<V>>, timeout: Duration) -> Result<()> {
        let (mut asked, mut denied, mut last) = (0, None, None);
        let waiting = async {
            loop {
                denied = self.ask().await.err().filter(Error::is_denied);
                asked += 1;
                let asked_at = Instant::now();
                while asked_at.elapsed() < ASK_INTERVAL {
                    tokio::time::sleep(LOOK_INTERVAL).await;
                    match look(reload).await {
                        Err(error) if may_be_mended(&error) => last = Some(error),
                        ended => return ended,
                    }
                }
            }
        };
        match tokio::time::timeout(timeout, waiting).await {
            Ok(ended) => ended,
            Err(_) => Err(self.in_vain(timeout, asked, denied.or(last)).await),
        }
    }

    /// A user who may not ask can still wait: others may have asked, or the host finds out by itself.
    async fn ask(&self) -> Result<()> {
        let asked = self.store.ask(&self.cache).await;
        match &asked {
            Err(error) if error.is_denied() => {
                if !self.told_denied.swap(true, Ordering::Relaxed) {
                    warn!(cache = %self.cache, "no host can be asked for it, waiting for one all the same: {error}");
                }
            }
            Err(error) => debug!(cache = %self.cache, "no host could be asked for it: {error}"),
            Ok(()) => {}
        }
        asked
    }

    /// What was tried, and what the store says of why it did not help.
    async fn in_vain(&self, timeout: Duration, asked: u32, cause: Option<Error>) -> Error {
        let failed = match tokio::time::timeout(EXPLAIN_TIMEOUT, self.store.status(&self.cache)).await {
            Ok(Ok(status)) => status.last_error,
            Ok(Err(_)) | Err(_) => None,
        };
        let failed = failed.map(|error| format!("; its last load failed ({}): {}", error.kind, error.message));
        let error = Error::missing(format!(
            "nothing was published within refill_timeout ({timeout:?}), though whoever runs it was asked {asked} times \
             through {}: start a host that runs it with `kiwi-host run`, see its state with `kiwi-host status`, or wait \
             longer with `refill_timeout`{}",
            self.store.location(),
            failed.unwrap_or_default()
        ));
        match cause {
            Some(cause) => error.because(cause).of(&self.cache),
            None => error.of(&self.cache),
        }
    }

    fn nothing(&self, failure: Error) -> Error {
        if failure.is_missing() {
            return failure.of(&self.cache);
        }
        let message = "there is nothing to serve, and the try to get something failed: each read tries once more, and \
                       `max_attempts` would give the failure itself";
        Error::missing(message).because(failure).of(&self.cache)
    }
}

/// Whether another try may end otherwise: not where something is there that this reader cannot read.
fn may_be_mended(failure: &Error) -> bool {
    failure.is_missing() || failure.is_unavailable() || failure.is_load_failed()
}

/// Looks at the store, unless something has come already.
async fn look<V: DeserializeOwned>(reload: &Mutex<Reload<V>>) -> Result<()> {
    let mut reload = reload.lock().await;
    if reload.local().is_missing() { reload.reload().await } else { Ok(()) }
}
