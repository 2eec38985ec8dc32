//! What of a load is published, and how: all of it, what has changed, or nothing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kiwi_store::{Batch, Begin, Commit, Content, Delta, Due, Head, Id, Layout, Publish, Scan};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::delivery::{Bound, Delivered, stage_all};
use crate::failure::{Failure, FailureKind};
use crate::fingerprints::Fingerprints;
use crate::intake::Totals;
use crate::loaded::{Ended, Loaded};
use crate::outcome::Outcome;
use crate::refill::Attempt;
use crate::spool::Spool;

/// How often a commit whose reply was lost is tried again, and how soon.
const COMMIT_TRIES: u32 = 5;
const COMMIT_PAUSE: Duration = Duration::from_millis(200);
/// How long all others wait while Redis writes one key of a delta in a large map: 9 ms for 10,000 keys, as
/// measured on a machine with two cores that does nothing else.
const STALL_PER_KEY: Duration = Duration::from_nanos(950);
/// What a delta may have at most: it is kept for readers as well.
const DELTA_BYTES: usize = 4 << 20;
/// Up to here a delta is not held against the size of its map.
const MOST_OF_LITTLE: usize = 16;

/// What remains to be done when everything is in the store that will be published.
pub(crate) struct Prepared {
    content: Content,
    mark: Option<String>,
    totals: Option<Totals>,
}

impl Attempt<'_> {
    /// How much may change for only that to be written. `None`: what is published takes no deltas.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let base = self.base.as_ref().filter(|_| self.cache.config.layout == Layout::Hash)?;
        // Where most of a map changes, a delta writes more than the map: it is kept for readers, too.
        let half = usize::try_from(base.entries / 2).unwrap_or(usize::MAX).max(MOST_OF_LITTLE);
        let keys = self.cache.config.max_stall.as_nanos() / STALL_PER_KEY.as_nanos();
        Some(Bound { keys: half.min(usize::try_from(keys).unwrap_or(usize::MAX)), bytes: DELTA_BYTES })
    }

    /// Decides what is to be published, and brings into the store what is not there yet.
    pub(crate) async fn prepare(
        &self,
        loaded: Loaded,
        delivered: Delivered,
        fingerprints: &Mutex<Fingerprints>,
    ) -> Result<Prepared, Failure> {
        let mark = loaded.mark.map(|mark| self.cache.stored_mark(&mark));
        let totals = match (loaded.ended, &self.base) {
            (Ended::Unchanged, Some(base)) => {
                let mark = mark.or_else(|| base.mark.clone());
                return Ok(Prepared { content: Content::Touch { base: base.id }, mark, totals: None });
            }
            // `Marks::conclude` lets `unchanged` pass only with a published mark, and that comes from the base.
            (Ended::Unchanged, None) => {
                return Err(Failure::new(FailureKind::Contract, "`unchanged`, but nothing is published"));
            }
            (Ended::Map(totals), Some(base)) if self.is_same(totals, base) => {
                return Ok(Prepared { content: Content::Touch { base: base.id }, mark, totals: None });
            }
            (Ended::Map(totals), base) => {
                self.admit(totals.entries, base.as_ref())?;
                totals
            }
        };
        let content = match (delivered, &self.base) {
            (Delivered::Aside { all, changed }, Some(base)) => {
                self.change(base, totals, all, changed, fingerprints).await?
            }
            (Delivered::Aside { all, .. }, None) => self.stage_and_swap(totals, all).await?,
            (Delivered::Staged, _) => swap(totals),
        };
        Ok(Prepared { content, mark, totals: Some(totals) })
    }

    /// The delta from the base, if all that it needs is known; else the whole map.
    async fn change(
        &self,
        base: &Head,
        totals: Totals,
        all: Spool,
        changed: Batch,
        fingerprints: &Mutex<Fingerprints>,
    ) -> Result<Content, Failure> {
        let (is_clear, vanished) = {
            let fingerprints = fingerprints.lock().unwrap_or_else(PoisonError::into_inner);
            (fingerprints.is_clear(), fingerprints.vanished())
        };
        let few = self.bound().is_some_and(|bound| changed.len() + vanished <= bound.keys);
        let removed = match vanished {
            _ if !is_clear || !few => None,
            0 => Some(Vec::new()),
            _ => self.find_vanished(base, vanished, fingerprints).await?,
        };
        let Totals { bytes, root, .. } = totals;
        match removed {
            Some(removed) => {
                let delta = Delta { set: changed, removed };
                Ok(Content::Delta { id: Id::random(), base: base.id, delta, bytes, root })
            }
            None => self.stage_and_swap(totals, all).await,
        }
    }

    /// The keys that the base has and the load has not given: only their number is remembered, so they are
    /// looked for in the store. `None`: something else is there.
    async fn find_vanished(
        &self,
        base: &Head,
        count: usize,
        fingerprints: &Mutex<Fingerprints>,
    ) -> Result<Option<Vec<String>>, Failure> {
        let mut vanished = Vec::new();
        let mut scan = Scan::First;
        loop {
            let chunk = self.store_call(self.store.scan(&self.cache.name, scan).await);
            let chunk = chunk.map_err(|error| Failure::store(&error))?;
            if chunk.head.is_none_or(|head| head.id != base.id) {
                return Ok(None);
            }
            {
                let fingerprints = fingerprints.lock().unwrap_or_else(PoisonError::into_inner);
                let keys = chunk.entries.iter().map(|(key, _)| key);
                vanished.extend(keys.filter(|key| fingerprints.has_vanished(key)).map(str::to_owned));
            }
            match chunk.next {
                Some(cursor) => scan = Scan::Next(cursor),
                None => break,
            }
        }
        // An entry may come more than once in a scan.
        vanished.sort_unstable();
        vanished.dedup();
        Ok((vanished.len() == count).then_some(vanished))
    }

    async fn stage_and_swap(&self, totals: Totals, all: Spool) -> Result<Content, Failure> {
        let staged = stage_all(self.store, &self.lease, all).await;
        staged.map_err(|undelivered| self.undelivered(undelivered))?;
        Ok(swap(totals))
    }

    /// Commits what was prepared.
    pub(crate) async fn publish(&self, prepared: Prepared) -> Result<Outcome, Failure> {
        let Prepared { content, mark, totals } = prepared;
        let new = match &content {
            Content::Swap { id, .. } | Content::Delta { id, .. } => Some(*id),
            Content::Touch { .. } | Content::Restore { .. } => None,
        };
        self.commit(content, mark).await?;
        let took = self.started.elapsed();
        match (new, totals, &self.base) {
            (Some(id), Some(Totals { entries, bytes, .. }), _) => Ok(Outcome::Published { id, entries, bytes, took }),
            (_, _, Some(base)) => Ok(Outcome::Unchanged { id: base.id, entries: base.entries, took }),
            (_, _, None) => Err(Failure::new(FailureKind::Internal, "nothing was published, and nothing was there")),
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
            Failure::refused(&refusal, config)
        })
    }

    async fn commit(&self, content: Content, mark: Option<String>) -> Result<(), Failure> {
        let timing = &self.cache.timing;
        let seq_after = self.cache.last_seq.load(Ordering::Relaxed);
        let (cache_ttl, refill_interval) = (timing.cache_ttl, timing.refill_interval);
        let publish = Publish { mark, cache_ttl, refill_interval, seq_after, content };
        let asked = Instant::now();
        let mut committed = self.commit_once(&publish).await?;
        if committed == Commit::Fenced && self.take_again().await? {
            committed = self.commit_once(&publish).await?;
        }
        match committed {
            Commit::Done => {
                self.cache.renewed.note(asked);
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
}

fn swap(totals: Totals) -> Content {
    let Totals { entries, bytes, root } = totals;
    Content::Swap { id: Id::random(), entries, bytes, root }
}
