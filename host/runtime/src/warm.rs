//! What a running host does with its caches: loads those that are due, and looks after their data.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use kiwi_store::{Due, Name, Presence, Status, Store};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::failure::{Failure, FailureKind};
use crate::metrics::{self, Metrics};
use crate::outcome::Outcome;
use crate::prolong::keep_alive;
use crate::refill::{failure_elsewhere, refill};
use crate::report;
use crate::sandbox::Sandbox;
use crate::schedule::{self, Next};

/// How often the heads of all caches are read: a map that is missing or lost is due at once.
const WATCH: Duration = Duration::from_secs(1);
/// How often to look whether another host has finished.
const LOOK: Duration = Duration::from_millis(200);

/// What all caches of a host share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) caches: Vec<Entry>,
    pub(crate) metrics: Metrics,
    /// One permit a load.
    pub(crate) loads: Semaphore,
    /// Plugins run in here, if there are any: it must live as long as they.
    pub(crate) _sandbox: Option<Sandbox>,
}

/// Why a wait ended.
enum Woken {
    InTime,
    DataLost { in_a_row: u32 },
}

/// One cache of a host.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) cache: Cache,
    /// Told when the data is found to be missing or lost.
    pub(crate) due: Notify,
}

impl Shared {
    /// Refills one cache whenever that is due, until the host drains; what is published lives on meanwhile.
    pub(crate) async fn keep_warm(&self, entry: &Entry, draining: &CancellationToken, stop: &CancellationToken) {
        tokio::select! {
            () = self.keep_refilled(entry, draining, stop) => {}
            never = keep_alive(&*self.store, &entry.cache, &self.metrics) => match never {},
        }
    }

    async fn keep_refilled(&self, entry: &Entry, draining: &CancellationToken, stop: &CancellationToken) {
        let (cache, interval) = (&entry.cache, entry.cache.timing.refill_interval);
        let (mut failures, mut losses) = (0u32, 0u32);
        let mut before: Option<Outcome> = None;
        while let Some(turn) = draining.run_until_cancelled(self.turn()).await {
            let outcome = self.attempt(cache, Due::After(interval), failures, stop).await;
            drop(turn);
            failures = if outcome.failure().is_some() { failures.saturating_add(1) } else { 0 };
            self.tell(cache, &outcome, before.as_ref());
            let next = schedule::next(&outcome, failures, interval, random());
            report::next(&cache.name, &outcome, before.as_ref(), next);
            match draining.run_until_cancelled(self.wait(entry, &outcome, next, losses)).await {
                None => return,
                Some(Woken::InTime) => losses = 0,
                Some(Woken::DataLost { in_a_row }) => losses = in_a_row,
            }
            before = Some(outcome);
        }
    }

    /// Waits until the next refill is due by time, or because the data is gone.
    async fn wait(&self, entry: &Entry, outcome: &Outcome, next: Next, losses: u32) -> Woken {
        let in_time = async {
            match next {
                Next::Never => std::future::pending().await,
                Next::After(delay) => tokio::time::sleep(delay).await,
            }
        };
        let published = Instant::now();
        let data_lost = async {
            entry.due.notified().await;
            let in_a_row = schedule::losses_in_a_row(losses, published.elapsed());
            tokio::time::sleep(schedule::after_loss(in_a_row, entry.cache.timing.refill_interval)).await;
            in_a_row
        };
        let failed = matches!(outcome, Outcome::Failed(_) | Outcome::Backoff { .. });
        tokio::select! {
            () = in_time => Woken::InTime,
            // After a failure the source is left alone, even if there is nothing to serve.
            in_a_row = data_lost, if !failed => Woken::DataLost { in_a_row },
        }
    }

    /// One attempt. A panic, which is a bug of ours, is a failure of this cache and of no other.
    async fn attempt(&self, cache: &Cache, due: Due, failures: u32, stop: &CancellationToken) -> Outcome {
        let refilling = refill(&*self.store, cache, due, failures, &self.metrics, stop);
        AssertUnwindSafe(refilling).catch_unwind().await.unwrap_or_else(|_| {
            let message = "kiwi-host itself panicked while it loaded this cache; please report it with the log's lines before this one";
            Outcome::Failed(Failure::new(FailureKind::Internal, message))
        })
    }

    /// Waits for one of the places for loads.
    async fn turn(&self) -> SemaphorePermit<'_> {
        self.loads.acquire().await.expect("the semaphore is never closed")
    }

    /// Loads a cache now; what is published lives on meanwhile.
    pub(crate) async fn refill_now(&self, cache: &Cache, stop: &CancellationToken) -> Outcome {
        tokio::select! {
            outcome = self.refill_once(cache, Due::Always, stop) => outcome,
            never = keep_alive(&*self.store, cache, &self.metrics) => match never {},
        }
    }

    /// Loads a cache if it is due, as one that is missing is, unless its source is to be left alone.
    pub(crate) async fn refill_due(&self, cache: &Cache) -> Outcome {
        self.refill_once(cache, Due::After(cache.timing.refill_interval), &CancellationToken::new()).await
    }

    async fn refill_once(&self, cache: &Cache, when: Due, stop: &CancellationToken) -> Outcome {
        let asked = Instant::now();
        let mut due = when;
        loop {
            let outcome = {
                let Some(_turn) = stop.run_until_cancelled(self.turn()).await else { return Outcome::Abandoned };
                self.attempt(cache, due, 0, stop).await
            };
            match outcome {
                Outcome::Busy { .. } if due == Due::Always => {
                    tracing::info!(cache = %cache.name, "another host is loading it: waiting for its result");
                }
                Outcome::Busy { .. } => {}
                // The host that was loading has failed since.
                Outcome::Backoff { .. } if when == Due::Always => {
                    return failure_elsewhere(&*self.store, cache, &self.metrics).await.unwrap_or(outcome);
                }
                outcome => {
                    self.tell(cache, &outcome, None);
                    return outcome;
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return Outcome::Abandoned;
            }
            if when == Due::Always {
                // What the other host publishes is as new as what we were asked for.
                due = Due::After(asked.elapsed());
            }
        }
    }

    fn tell(&self, cache: &Cache, outcome: &Outcome, before: Option<&Outcome>) {
        self.metrics.refilled(cache, outcome);
        report::outcome(&cache.name, outcome, before);
    }

    /// Reads the heads of all caches again and again: wakes those whose data is gone, and says when
    /// the store is away and back.
    pub(crate) async fn watch(&self) {
        let names: Vec<Name> = self.caches.iter().map(|entry| entry.cache.name.clone()).collect();
        let mut away = false;
        loop {
            match self.store.statuses(&names).await {
                Ok(statuses) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("the store at {} is back", self.store.location());
                    }
                    for (entry, status) in self.caches.iter().zip(statuses) {
                        self.seen(entry, status);
                    }
                }
                Err(error) => {
                    self.caches.iter().for_each(|entry| self.metrics.count(&entry.cache, metrics::Status::RedisError));
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!("{error}; trying again until it is there, readers serve what they have");
                    }
                }
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    pub(crate) fn seen(&self, entry: &Entry, status: kiwi_store::Result<Status>) {
        match self.metrics.store_call(&entry.cache, status).map(|status| (status.now, status.presence)) {
            Ok((now, Presence::Whole(head))) => {
                self.metrics.age(&entry.cache.name, now.duration_since(head.checked_at).unwrap_or_default());
            }
            // What kiwi-cache has written is fresh enough until the next refill.
            Ok((_, Presence::Foreign(_))) => {}
            Ok(_) if entry.cache.progress.is_loading() => {}
            Ok(_) => entry.due.notify_waiters(),
            // Its next refill meets the same, and says so.
            Err(error) => tracing::debug!("{error}"),
        }
    }
}

/// In `0.0..1.0`. Good enough to spread delays; not for secrets.
fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}
