//! How far a load has come, for people who watch.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the load of one cache has come. Written by the load, read by anybody, exact enough for
/// people.
#[derive(Debug, Default)]
pub struct Progress {
    loading: AtomicBool,
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Whether a load is under way.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Relaxed)
    }

    /// Entries sent on so far in the load under way, or in the last one.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Bytes of keys and values sent on so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Loading, until the guard is dropped, in whatever way the load ends.
    pub(crate) fn begin(&self) -> Loading<'_> {
        self.entries.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.loading.store(true, Ordering::Relaxed);
        Loading(self)
    }

    pub(crate) fn add(&self, entries: usize, bytes: usize) {
        self.entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A load is under way as long as this lives.
pub(crate) struct Loading<'a>(&'a Progress);

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.0.loading.store(false, Ordering::Relaxed);
    }
}
