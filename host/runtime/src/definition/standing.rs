//! What a host knows of one cache's data. It survives a new configuration of the cache.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kiwi_cache::KeptText;
use kiwi_store::{Head, Id};
use tokio::time::Instant;

use crate::config::limits::Limits;
use crate::entries::fingerprints::Fingerprints;
use crate::entries::progress::Progress;
use crate::failure::Failure;

/// What a host knows of one cache's data.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// How far the load under way has come.
    pub(crate) progress: Arc<Progress>,
    /// What this host remembers of the map it published.
    pub(crate) memory: Memory,
    /// When the published data last got its whole life.
    pub(crate) renewed: Renewed,
    /// The `seq` of the last snapshot that this host knows of: numbers grow even where the store lost
    /// everything.
    pub(crate) last_seq: AtomicU64,
    /// The copy that a reader in this program holds, if there is one.
    pub(crate) kept_text: Arc<KeptText>,
    /// Whether the last attempt has failed, here.
    pub(crate) has_failed: AtomicBool,
    /// Whether this host is bringing the hash up to what it has published.
    pub(crate) is_following: AtomicBool,
    /// What keeps this host from refilling it, where the store does not say so.
    pub(crate) trouble: Trouble,
}

/// Failures in a row that are not recorded in the store: because it cannot be reached, refuses, or was never asked.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<InTrouble>>);

/// The failures in a row so far.
#[derive(Clone, Debug)]
pub(crate) struct InTrouble {
    /// The last one.
    pub(crate) failure: Failure,
    pub(crate) times: u32,
    /// How many of them came after the source was asked.
    pub(crate) loads: u32,
    pub(crate) since: Instant,
}

impl Trouble {
    /// Counts one more, of a load or of the store before any load. Returns how many there are.
    pub(crate) fn add(&self, failure: &Failure, is_load: bool) -> u32 {
        let mut trouble = self.lock();
        let before = trouble.take();
        let (times, loads, since) =
            before.map_or((0, 0, Instant::now()), |before| (before.times, before.loads, before.since));
        let times = times.saturating_add(1);
        *trouble =
            Some(InTrouble { failure: failure.clone(), times, loads: loads.saturating_add(is_load.into()), since });
        times
    }

    /// How many loads have failed in a row without a record in the store.
    pub(crate) fn loads(&self) -> u32 {
        self.lock().as_ref().map_or(0, |trouble| trouble.loads)
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    /// The failures in a row so far, if there are any.
    pub(crate) fn get(&self) -> Option<InTrouble> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<InTrouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of the published map between loads.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Option<Remembered>>);

#[derive(Debug)]
struct Remembered {
    id: Id,
    /// Values that did not change are not checked again, so they must have passed the limits that hold now.
    limits: Limits,
    fingerprints: Fingerprints,
}

impl Memory {
    /// Takes out the fingerprints of what is published now. `None` if something else is published than
    /// what this host remembers, or if it was checked against other limits.
    pub(crate) fn recall(&self, published: Option<&Head>, limits: &Limits) -> Option<Fingerprints> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let Remembered { id, fingerprints, .. } = remembered;
        let is_known = |head: &Head| head.id == id && head.entries == fingerprints.len() as u64;
        (remembered.limits == *limits && published.is_some_and(is_known)).then_some(fingerprints)
    }

    /// Remembers a snapshot that is published, and the limits that its values were checked against.
    pub(crate) fn keep(&self, id: Id, limits: Limits, fingerprints: Fingerprints) {
        let remembered = Remembered { id, limits, fingerprints };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
    }
}

/// When this host last extended the life of the published data.
#[derive(Debug, Default)]
pub(crate) struct Renewed(Mutex<Option<Instant>>);

impl Renewed {
    /// Notes that it was extended, by a call that began at this time.
    pub(crate) fn note(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// How much is left of an interval that began when it was last extended.
    pub(crate) fn left_of(&self, interval: Duration) -> Duration {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.map_or(Duration::ZERO, |at| (at + interval).saturating_duration_since(Instant::now()))
    }
}
