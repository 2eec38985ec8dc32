//! Source -> store, once: take the lease, run the loader, publish all of it or nothing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use kiwi_cache::store::{Begin, Commit, Content, Due, Lease, Publish, Store};
use kiwi_cache::{Head, Id, LastError, Token};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::failure::{Failure, FailureKind};
use crate::intake::{Intake, Parcel, Totals};
use crate::loaded::{Ended, Loaded};
use crate::metrics::{Metrics, Status, Step};
use crate::outcome::Outcome;
use crate::prolong::prolong;
use crate::schedule;

/// How often a commit whose reply was lost is tried again, and how soon.
const COMMIT_TRIES: u32 = 5;
const COMMIT_PAUSE: Duration = Duration::from_millis(200);
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
struct Attempt<'a> {
    store: &'a dyn Store,
    cache: &'a Cache,
    lease: Lease,
    /// What is published now, if it is whole.
    base: Option<Head>,
    metrics: &'a Metrics,
    started: Instant,
}

impl Attempt<'_> {
    async fn run(&self, stop: &CancellationToken) -> Result<Outcome, Failure> {
        let loaded = tokio::select! {
            loaded = self.load() => loaded?,
            failure = self.keep_lease() => return Err(failure),
            () = stop.cancelled() => {
                self.give_back().await;
                return Ok(Outcome::Abandoned);
            }
        };
        self.metrics.timed(&self.cache.name, Step::Load, self.started.elapsed());
        let publishing = Instant::now();
        let outcome = self.publish(loaded).await?;
        self.metrics.timed(&self.cache.name, Step::Publish, publishing.elapsed());
        Ok(outcome)
    }

    /// Runs the loader, and stages its entries while it runs.
    async fn load(&self) -> Result<Loaded, Failure> {
        let (intake, arriving) = Intake::new(self.cache.limits().clone(), self.cache.progress.clone());
        let mark = self.base.as_ref().and_then(|base| self.cache.own_mark(base.mark.as_deref()));
        let staging = async {
            let staged = stage_all(self.store, &self.lease, arriving).await;
            self.store_call(staged).map_err(|error| Failure::store(&error))
        };
        // Whichever fails first ends the other.
        let (loaded, ()) = tokio::try_join!(self.cache.load(mark, intake), staging)?;
        Ok(loaded)
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

    async fn publish(&self, loaded: Loaded) -> Result<Outcome, Failure> {
        let took = || self.started.elapsed();
        let mark = loaded.mark.map(|mark| self.cache.stored_mark(&mark));
        match (loaded.ended, &self.base) {
            (Ended::Unchanged, Some(base)) => {
                let mark = mark.or_else(|| base.mark.clone());
                self.commit(Content::Touch { base: base.id }, mark).await?;
                Ok(Outcome::Unchanged { id: base.id, entries: base.entries, took: took() })
            }
            // `Marks::conclude` lets `unchanged` pass only with a published mark, and that comes from the base.
            (Ended::Unchanged, None) => {
                Err(Failure::new(FailureKind::Contract, "`unchanged`, but nothing is published"))
            }
            (Ended::Map(totals), Some(base)) if self.is_same(totals, base) => {
                self.commit(Content::Touch { base: base.id }, mark).await?;
                Ok(Outcome::Unchanged { id: base.id, entries: base.entries, took: took() })
            }
            (Ended::Map(Totals { entries, bytes, root }), base) => {
                self.admit(entries, base.as_ref())?;
                let id = Id::random();
                self.commit(Content::Swap { id, entries, bytes, root }, mark).await?;
                Ok(Outcome::Published { id, entries, bytes, took: took() })
            }
        }
    }

    /// Whether a map is what is published already. An empty one that is not allowed any more is not: it
    /// shall be refused.
    fn is_same(&self, totals: Totals, base: &Head) -> bool {
        let is_allowed = totals.entries > 0 || self.cache.config.allow_empty_data;
        is_allowed && (totals.root, totals.entries) == (base.root, base.entries)
    }

    /// Holds a map that would be published against the guards.
    fn admit(&self, entries: u64, base: Option<&Head>) -> Result<(), Failure> {
        let Cache { name, config, .. } = self.cache;
        config.admit(entries, base.map(|base| base.entries)).map_err(|refusal| {
            self.metrics.refused(name, &refusal);
            Failure::refused(&refusal, name)
        })
    }

    async fn commit(&self, content: Content, mark: Option<String>) -> Result<(), Failure> {
        let timing = &self.cache.timing;
        let seq_after = self.cache.last_seq.load(Ordering::Relaxed);
        let (cache_ttl, refill_interval) = (timing.cache_ttl, timing.refill_interval);
        let publish = Publish { mark, cache_ttl, refill_interval, seq_after, content };
        let mut committed = self.commit_once(&publish).await?;
        if committed == Commit::Fenced && self.take_again().await? {
            committed = self.commit_once(&publish).await?;
        }
        match committed {
            Commit::Done => {
                let base = self.base.as_ref().map_or(0, |base| base.seq);
                let is_new = !matches!(publish.content, Content::Touch { .. });
                self.cache.last_seq.store(base.max(seq_after) + u64::from(is_new), Ordering::Relaxed);
                Ok(())
            }
            Commit::Fenced => Err(self.lease_lost("another host has taken it")),
            Commit::Moved => Err(self.not_done("another host has published in the meantime")),
            Commit::Lost => Err(self.not_done("the published data was damaged in the meantime")),
            Commit::StagingLost => Err(self.not_done("what was staged is gone: was the store flushed or restarted?")),
        }
    }

    /// A lost reply leaves open whether it was published: asking again tells, and does no harm.
    async fn commit_once(&self, publish: &Publish) -> Result<Commit, Failure> {
        let mut tried = 1;
        loop {
            match self.store_call(self.store.commit(&self.lease, publish).await) {
                Ok(committed) => return Ok(committed),
                Err(error) if error.is_unavailable() && tried < COMMIT_TRIES => {
                    tokio::time::sleep(COMMIT_PAUSE * tried).await;
                    tried += 1;
                }
                Err(error) => return Err(Failure::store(&error)),
            }
        }
    }

    /// The lease ran out, but it may be that nobody else began: then the work still counts.
    async fn take_again(&self) -> Result<bool, Failure> {
        let begun =
            self.store.begin(&self.cache.name, self.lease.token, self.cache.timing.lease_ttl, Due::Always).await;
        match self.store_call(begun).map_err(|error| Failure::store(&error))? {
            Begin::Go { base, .. } => {
                // Checked by nobody since, too: what another host found later must not be undone.
                let seen = |base: &Head| (base.id, base.checked_at);
                let is_ours = base.as_ref().map(seen) == self.base.as_ref().map(seen);
                if !is_ours {
                    self.give_back().await;
                }
                Ok(is_ours)
            }
            Begin::Fresh { .. } | Begin::Busy { .. } | Begin::Backoff { .. } => Ok(false),
        }
    }

    /// Tells all hosts to leave the source alone for a while, and gives the old data its whole life again.
    async fn failed(&self, failure: Failure, failures: u32) -> Outcome {
        let timing = &self.cache.timing;
        let backoff = schedule::backoff(&failure, failures, timing.refill_interval);
        let error =
            LastError { at: SystemTime::now(), kind: failure.kind.to_string(), message: failure.message.clone() };
        let failed = self.store.fail(&self.lease, backoff, &error, timing.cache_ttl).await;
        if let Err(error) = self.store_call(failed) {
            tracing::debug!(cache = %self.cache.name, "the failure could not be kept in the store: {error}");
        }
        // From now on, also where nobody looks after it any more.
        prolong(self.store, self.cache, self.metrics).await;
        Outcome::Failed(failure)
    }

    fn lease_lost(&self, why: &str) -> Failure {
        self.not_done(format!("the lease was lost while loading: {why}; nothing was published"))
    }

    /// The store has answered, but not done what it was asked.
    fn not_done(&self, message: impl Into<String>) -> Failure {
        self.metrics.count(self.cache, Status::RedisError);
        Failure::new(FailureKind::Store, message)
    }

    fn store_call<T>(&self, result: kiwi_cache::Result<T>) -> kiwi_cache::Result<T> {
        self.metrics.store_call(self.cache, result)
    }

    async fn give_back(&self) {
        if let Err(error) = self.store_call(self.store.release(&self.lease).await) {
            let until = humantime::format_duration(self.cache.timing.lease_ttl);
            tracing::warn!(cache = %self.cache.name, "the lease could not be given back, and ends by itself within {until}: {error}");
        }
    }
}

/// Stages what arrives until the loader has ended.
async fn stage_all(store: &dyn Store, lease: &Lease, mut arriving: mpsc::Receiver<Parcel>) -> kiwi_cache::Result<()> {
    while let Some(parcel) = arriving.recv().await {
        match parcel {
            Parcel::Entries(batch) => store.stage(lease, &batch).await?,
            Parcel::IsKnown(key, answer) => {
                let known = store.is_staged(lease, &key).await?;
                // A loader that is gone does not wait for the answer.
                let _ = answer.send(known);
            }
        }
    }
    Ok(())
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
