//! When each cache was last seen whole: for that long, a plain read of its hash is enough.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;

use crate::{Name, SEEN_FOR};

/// The caches that were seen whole and as a hash, and when.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<HashMap<Name, Instant, RandomState>>);

impl Verified {
    /// Notes what a read that started at `at` saw of a cache.
    pub(super) fn note(&self, cache: &Name, at: Instant, is_whole: bool) {
        let mut verified = self.lock();
        if is_whole {
            verified.insert(cache.clone(), at);
        } else {
            verified.remove(cache);
        }
    }

    pub(super) fn is_recent(&self, cache: &Name) -> bool {
        self.lock().get(cache).is_some_and(|at| at.elapsed() < SEEN_FOR)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Instant, RandomState>> {
        // A poisoned lock is fine here: at worst a cache is read with its head once more.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
