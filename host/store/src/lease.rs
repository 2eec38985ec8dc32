//! The right to refill one cache.

use std::time::Duration;

#[cfg(feature = "redis")]
use crate::staged::Staged;
use crate::{DefinitionId, Head, Holder, Name, Token};

/// The right to refill one cache, given by [`Publishing::begin`](crate::Publishing::begin).
///
/// It is consumed by what ends it: a commit, a failure or a release. A lease that is dropped instead
/// keeps other hosts waiting until it expires in the store.
#[must_use = "a lease that is dropped keeps other hosts waiting until it expires: commit, fail or release it"]
#[derive(Debug)]
pub struct Lease {
    cache: Name,
    holder: Holder,
    #[cfg(feature = "redis")]
    staged: std::sync::Mutex<Staged>,
}

impl Lease {
    /// `had_snapshot`: whether one is published now.
    pub(crate) fn new(cache: Name, holder: Holder, had_snapshot: bool) -> Self {
        Self {
            cache,
            holder,
            #[cfg(feature = "redis")]
            staged: std::sync::Mutex::new(Staged::new(had_snapshot)),
        }
    }

    /// The cache it is for.
    #[must_use]
    pub fn cache(&self) -> &Name {
        &self.cache
    }

    /// Who holds it.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// The fencing token that names its holder.
    #[must_use]
    pub fn token(&self) -> Token {
        self.holder.token
    }

    pub(crate) fn definition(&self) -> DefinitionId {
        self.holder.definition
    }

    /// The same lease once more: only tests may have two of one.
    #[cfg(feature = "testing")]
    pub(crate) fn copy(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            holder: self.holder.clone(),
            #[cfg(feature = "redis")]
            staged: std::sync::Mutex::new(self.staged().clone()),
        }
    }

    #[cfg(feature = "redis")]
    pub(crate) fn staged(&self) -> std::sync::MutexGuard<'_, Staged> {
        // A poisoned lock is fine here: the commit compares the number and the root of the entries.
        self.staged.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// When a snapshot is due for a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// When it was last checked this long ago, or is missing or lost.
    After(Duration),
    /// Now, however fresh it is. A live lease of another host still stands in the way; a back-off
    /// does not.
    Always,
}

/// The answer of [`Publishing::begin`](crate::Publishing::begin).
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, and most of them are of the largest variant")]
pub enum Begin {
    /// The lease is ours.
    Go {
        /// The lease, to be ended by `commit`, `fail` or `release`.
        lease: Lease,
        /// What is published now: `None` when missing or lost.
        base: Option<Head>,
        /// Whether the last who published, or found it unchanged, did so under the same definition. `false` where the store
        /// does not say.
        base_is_ours: bool,
        /// How many loads of this definition have failed in a row, on any host.
        failures: u32,
        /// How many bytes the deltas may have that lead on from the base, before a whole map is to be written again.
        max_delta_bytes: u64,
    },
    /// Not due: another host has just checked it.
    Fresh {
        /// Until it is due.
        left: Duration,
    },
    /// Another host is refilling it.
    Busy {
        /// Until the lease of that host expires, unless it is renewed.
        left: Duration,
    },
    /// A load of the same definition failed a short while ago, and the source is left alone.
    Backoff {
        /// Until loading is allowed again.
        left: Duration,
    },
}
