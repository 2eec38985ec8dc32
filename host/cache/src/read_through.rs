//! What a reader that holds nothing does for a read: it polls the store, and then has the source loaded.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex as Lock, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::attempts::{Failures, Next};
use crate::metrics::ReaderEvent;
use crate::reload::Reload;
use crate::settings::RefillSettings;
use crate::source::Source;
use crate::stored::Value;
use kiwi_store::{Error, Result};

/// How often the hosts are asked while nothing is published: a host that starts to listen late hears it too.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// How often the store is polled meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// How long to wait for the store's own reason why nothing was published.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);

/// Gets a first snapshot for a reader that has none.
pub(crate) struct ReadThrough {
    source: Source,
    settings: RefillSettings,
    failures: Lock<Failures>,
    /// Whether it was logged that this reader may not ask hosts.
    denial_logged: AtomicBool,
}

impl ReadThrough {
    pub(crate) fn new(source: Source, settings: RefillSettings) -> Self {
        let failures = Lock::new(Failures::new(settings.max_attempts));
        Self { source, settings, failures, denial_logged: AtomicBool::new(false) }
    }

    /// Returns once there is a snapshot, or with the reason why there is none.
    pub(crate) async fn get<V: Value + ?Sized>(&self, reload: &Mutex<Reload<V>>) -> Result<()> {
        loop {
            let Err(failure) = self.attempt(reload).await else { return Ok(()) };
            if !is_retryable(&failure) {
                return Err(failure);
            }
            let next = self.failures.lock().unwrap_or_else(PoisonError::into_inner).failed();
            match next {
                Next::Retry => debug!(cache = %self.source.name, "retrying, as `max_attempts` says: {failure}"),
                Next::Fail => return Err(failure.of(&self.source.name)),
                // Another host may have published meanwhile.
                Next::ReadAsMissing => return poll(reload).await.map_err(|_| self.missing(failure)),
            }
        }
    }

    /// Polls the store, and then loads the source.
    async fn attempt<V: Value + ?Sized>(&self, reload: &Mutex<Reload<V>>) -> Result<()> {
        match poll(reload).await {
            Err(error) if error.is_missing() => {}
            // Nothing is loaded while the store is away, because nothing could be published.
            outcome => return outcome,
        }
        match &self.settings.host {
            Some(host) => {
                let started = Instant::now();
                let outcome = host.refill().await;
                let took = started.elapsed();
                let event = match &outcome {
                    Ok(()) => ReaderEvent::Refilled { took },
                    Err(error) => ReaderEvent::RefillFailed { error: error.clone(), took },
                };
                self.source.metrics.report(&self.source.name, &event);
                outcome?;
                poll(reload).await
            }
            None => self.ask_and_wait(reload).await,
        }
    }

    async fn ask_and_wait<V: Value + ?Sized>(&self, reload: &Mutex<Reload<V>>) -> Result<()> {
        let (mut asked, mut denied, mut last) = (0, None, None);
        let published = async {
            loop {
                denied = self.ask().await.err().filter(Error::is_denied);
                asked += 1;
                let asked_at = Instant::now();
                while asked_at.elapsed() < ASK_INTERVAL {
                    tokio::time::sleep(POLL_INTERVAL).await;
                    match poll(reload).await {
                        Err(error) if is_retryable(&error) => last = Some(error),
                        outcome => return outcome,
                    }
                }
            }
        };
        match tokio::time::timeout(self.settings.timeout, published).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.timed_out(asked, denied.or(last)).await),
        }
    }

    /// Asks hosts to load. A failure is not the end: another reader may have asked, and hosts poll the store too.
    async fn ask(&self) -> Result<()> {
        let asked = self.source.store.ask(&self.source.name).await;
        self.source.metrics.report_failure(&self.source.name, &asked);
        match &asked {
            Err(error) if error.is_denied() => {
                if !self.denial_logged.swap(true, Ordering::Relaxed) {
                    warn!(cache = %self.source.name, "not permitted to ask a host to load it, waiting for one anyway: {error}");
                }
            }
            Err(error) => debug!(cache = %self.source.name, "failed to ask a host to load it: {error}"),
            Ok(()) => {}
        }
        asked
    }

    /// What was tried, and the store's own reason why it did not help.
    async fn timed_out(&self, asked: u32, cause: Option<Error>) -> Error {
        let last_load = match tokio::time::timeout(REASON_TIMEOUT, self.source.store.status(&self.source.name)).await {
            Ok(Ok(status)) => status.last_error().cloned(),
            Ok(Err(_)) | Err(_) => None,
        };
        let last_load = last_load.map(|error| format!("; its last load failed ({}): {}", error.kind, error.message));
        let error = Error::missing(format!(
            "no snapshot was published within refill_timeout ({:?}), although its host was asked {asked} times \
             through {}: start a host for it with `kiwi-host run`, see its state with `kiwi-host status`, or wait \
             longer with `refill_timeout`{}",
            self.settings.timeout,
            self.source.store.location(),
            last_load.unwrap_or_default()
        ));
        match cause {
            Some(cause) => error.because(cause).of(&self.source.name),
            None => error.of(&self.source.name),
        }
    }

    fn missing(&self, failure: Error) -> Error {
        if failure.is_missing() {
            return failure.of(&self.source.name);
        }
        let message = "no snapshot was loaded yet, and the attempt to load one failed: each read tries once more; set \
                       `max_attempts` to get the failure itself";
        Error::missing(message).because(failure).of(&self.source.name)
    }
}

/// Whether another attempt may succeed. It cannot where there is a snapshot that this reader cannot read.
fn is_retryable(failure: &Error) -> bool {
    failure.is_missing() || failure.is_unavailable() || failure.is_load_failed()
}

/// Polls the store, unless a snapshot was loaded meanwhile.
async fn poll<V: Value + ?Sized>(reload: &Mutex<Reload<V>>) -> Result<()> {
    let mut reload = reload.lock().await;
    if reload.local().is_missing() { reload.reload().await } else { Ok(()) }
}
