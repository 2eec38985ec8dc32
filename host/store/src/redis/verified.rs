//! When each cache was last seen whole: for that long, a plain read of its hash is enough.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use foldhash::fast::RandomState;

use crate::{Name, SEEN_FOR};

/// The caches that were seen whole and as a hash.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<HashMap<Name, Seen, RandomState>>);

#[derive(Debug)]
struct Seen {
    at: Instant,
    /// The key of the hash: made once, and not at each read.
    data: String,
}

impl Verified {
    /// Notes what a read that started at `at` saw of a cache, whose hash is `data`.
    pub(super) fn note(&self, cache: &Name, data: &str, at: Instant, is_whole: bool) {
        let mut verified = self.lock();
        if is_whole {
            verified.insert(cache.clone(), Seen { at, data: data.to_owned() });
        } else {
            verified.remove(cache);
        }
    }

    /// What `read` makes of the key of the hash of a cache. `None`: it was not seen whole a moment ago.
    pub(super) fn if_recent<T>(&self, cache: &Name, read: impl FnOnce(&str) -> T) -> Option<T> {
        self.lock().get(cache).filter(|seen| seen.at.elapsed() < SEEN_FOR).map(|seen| read(&seen.data))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Seen, RandomState>> {
        // A poisoned lock is fine here: at worst a cache is read with its head once more.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
