//! Source -> store, once: take the lease, run the loader, publish all of it or nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kiwi_store::{Begin, Due, Head, LastError, Layout, Lease, Store, Token};
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::delivery::{Bound, Delivered, Undelivered, deliver};
use crate::failure::{Failure, FailureKind};
use crate::fingerprints::Fingerprints;
use crate::intake::Intake;
use crate::loaded::Loaded;
use crate::metrics::{Metrics, Status, Step};
use crate::outcome::Outcome;
use crate::prolong::prolong;
use crate::schedule;

/// A lease is renewed after a third of its time, and at least this often.
const LONGEST_RENEWAL: Duration = Duration::from_secs(30);

/// Refills a cache if it is due. `failures` counts the failures in a row before this attempt.
pub(crate) async fn refill(
    store: &dyn Store,
    cache: &Cache,
    due: Due,
    failures: u32,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Outcome {
    let begun = store.begin(&cache.name, Token::random(), cache.timing.lease_ttl, due).await;
    let (lease, base) = match metrics.store_call(cache, begun) {
        Ok(Begin::Go { lease, base }) => (lease, base),
        Ok(Begin::Fresh { left }) => return Outcome::Fresh { left },
        Ok(Begin::Busy { left }) => return Outcome::Busy { left },
        Ok(Begin::Backoff { left }) => return Outcome::Backoff { left },
        Err(error) => return Outcome::Failed(Failure::store(&error)),
    };
    let attempt = Attempt { store, cache, lease, base, metrics, started: Instant::now() };
    let result = {
        let _loading = cache.progress.begin();
        attempt.run(stop).await
    };
    match result {
        Ok(outcome) => outcome,
        Err(failure) => attempt.failed(failure, failures + 1).await,
    }
}

/// One attempt that holds the lease.
pub(crate) struct Attempt<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) cache: &'a Cache,
    pub(crate) lease: Lease,
    /// What is published now, if it is whole.
    pub(crate) base: Option<Head>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) started: Instant,
}

impl Attempt<'_> {
    async fn run(&self, stop: &CancellationToken) -> Result<Outcome, Failure> {
        let recalled = self.cache.memory.recall(self.base.as_ref());
        let bound = recalled.as_ref().and_then(|_| self.bound());
        let fingerprints = Arc::new(Mutex::new(recalled.unwrap_or_default()));
        let done = self.load_and_publish(bound, &fingerprints, stop).await;
        let fingerprints = std::mem::take(&mut *fingerprints.lock().unwrap_or_else(PoisonError::into_inner));
        self.remember(&done, fingerprints);
        done
    }

    async fn load_and_publish(
        &self,
        bound: Option<Bound>,
        fingerprints: &Arc<Mutex<Fingerprints>>,
        stop: &CancellationToken,
    ) -> Result<Outcome, Failure> {
        let ready = async {
            let (loaded, delivered) = self.load(bound, fingerprints).await?;
            self.metrics.timed(&self.cache.name, Step::Load, self.started.elapsed());
            self.prepare(loaded, delivered, fingerprints).await
        };
        let prepared = tokio::select! {
            prepared = ready => prepared?,
            failure = self.keep_lease() => return Err(failure),
            () = stop.cancelled() => {
                self.give_back().await;
                return Ok(Outcome::Abandoned);
            }
        };
        let publishing = Instant::now();
        let outcome = self.publish(prepared).await?;
        self.metrics.timed(&self.cache.name, Step::Publish, publishing.elapsed());
        Ok(outcome)
    }

    /// Runs the loader, and delivers its entries while it runs.
    async fn load(
        &self,
        bound: Option<Bound>,
        fingerprints: &Arc<Mutex<Fingerprints>>,
    ) -> Result<(Loaded, Delivered), Failure> {
        let (limits, progress) = (self.cache.limits().clone(), self.cache.progress.clone());
        let (intake, arriving) = Intake::new(limits, progress, fingerprints.clone());
        let mark = self.base.as_ref().and_then(|base| self.cache.own_mark(base.mark.as_deref()));
        let delivery = async {
            let delivered = deliver(self.store, &self.lease, bound, arriving).await;
            delivered.map_err(|undelivered| self.undelivered(undelivered))
        };
        // Whichever fails first ends the other.
        tokio::try_join!(self.cache.load(mark, intake), delivery)
    }

    /// Keeps for the next load what is known of the snapshot that is published now.
    fn remember(&self, done: &Result<Outcome, Failure>, mut fingerprints: Fingerprints) {
        // A record is always written whole: there is nothing to compare with.
        if self.cache.config.layout != Layout::Hash {
            return;
        }
        let base = self.base.as_ref().map(|base| base.id);
        let known = match done {
            Ok(Outcome::Published { id, .. }) => fingerprints.settle().then_some(*id),
            Ok(Outcome::Unchanged { .. }) if fingerprints.is_whole() => fingerprints.settle().then_some(base).flatten(),
            _ => fingerprints.revert().then_some(base).flatten(),
        };
        if let Some(id) = known {
            self.cache.memory.keep(id, fingerprints);
        }
    }

    pub(crate) fn undelivered(&self, undelivered: Undelivered) -> Failure {
        match undelivered {
            Undelivered::Store(error) => {
                self.metrics.count(self.cache, Status::RedisError);
                Failure::store(&error)
            }
            Undelivered::Aside(error) => {
                let directory = std::env::temp_dir();
                let message = format!(
                    "the entries could not be put aside in `{}`: {error}; expected room for the whole map there",
                    directory.display()
                );
                Failure::new(FailureKind::Other, message)
            }
        }
    }

    /// Renews the lease while the loader runs. Ends only when the lease is lost.
    async fn keep_lease(&self) -> Failure {
        let lease_ttl = self.cache.timing.lease_ttl;
        let mut confirmed = Instant::now();
        loop {
            // What is staged lives for two minutes, and renewing the lease renews that as well.
            tokio::time::sleep((lease_ttl / 3).min(LONGEST_RENEWAL)).await;
            match self.store_call(self.store.renew(&self.lease, lease_ttl).await) {
                Ok(true) => confirmed = Instant::now(),
                Ok(false) => return self.lease_lost("another host may have taken it"),
                Err(error) if confirmed.elapsed() > lease_ttl => return Failure::store(&error),
                Err(error) => tracing::debug!(cache = %self.cache.name, "the lease could not be renewed yet: {error}"),
            }
        }
    }

    /// Tells all hosts to leave the source alone for a while, and gives the old data its whole life again.
    async fn failed(&self, failure: Failure, failures: u32) -> Outcome {
        let timing = &self.cache.timing;
        let backoff = schedule::backoff(&failure, failures, timing.refill_interval);
        let error =
            LastError { at: SystemTime::now(), kind: failure.kind.to_string(), message: failure.message.clone() };
        let lease = self.put_back().await;
        let lease = lease.as_ref().unwrap_or(&self.lease);
        let failed = self.store.fail(lease, backoff, &error, timing.cache_ttl).await;
        if let Err(error) = self.store_call(failed) {
            tracing::debug!(cache = %self.cache.name, "the failure could not be kept in the store: {error}");
        }
        // From now on, also where nobody looks after it any more.
        prolong(self.store, self.cache, self.metrics).await;
        Outcome::Failed(failure)
    }

    pub(crate) fn lease_lost(&self, why: &str) -> Failure {
        self.not_done(format!("the lease was lost while loading: {why}; nothing was published"))
    }

    /// The store has answered, but not done what it was asked.
    pub(crate) fn not_done(&self, message: impl Into<String>) -> Failure {
        self.metrics.count(self.cache, Status::RedisError);
        Failure::new(FailureKind::Store, message)
    }

    pub(crate) fn store_call<T>(&self, result: kiwi_store::Result<T>) -> kiwi_store::Result<T> {
        self.metrics.store_call(self.cache, result)
    }

    pub(crate) async fn give_back(&self) {
        if let Err(error) = self.store_call(self.store.release(&self.lease).await) {
            let until = humantime::format_duration(self.cache.timing.lease_ttl);
            tracing::warn!(cache = %self.cache.name, "the lease could not be given back, and ends by itself within {until}: {error}");
        }
    }
}

/// What another host's load of a cache has failed with, if that is known.
pub(crate) async fn failure_elsewhere(store: &dyn Store, cache: &Cache, metrics: &Metrics) -> Option<Outcome> {
    let status = match metrics.store_call(cache, store.status(&cache.name).await) {
        Ok(status) => status,
        Err(error) => return Some(Outcome::Failed(Failure::store(&error))),
    };
    let LastError { kind, message, .. } = status.last_error?;
    let message = format!("another host's load failed ({kind}): {message}");
    Some(Outcome::Failed(Failure::new(FailureKind::Other, message)))
}
