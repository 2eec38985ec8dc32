//! How far a load has come, for people who watch.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far the load of one cache has come. Written by the load, read by anybody, exact enough for
/// people.
#[derive(Debug, Default)]
pub struct Progress {
    loading: AtomicBool,
    entries: AtomicU64,
    bytes: AtomicU64,
    waiting_for: Mutex<Option<Waiting>>,
}

/// What a load waits for, outside of its loader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The store, which has not taken the entries so far.
    Store,
    /// Something in the world, such as `a response from https://example.com`.
    #[cfg_attr(not(feature = "components"), allow(dead_code, reason = "only components reach it through the host"))]
    World(Arc<str>),
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
        *self.waiting() = None;
        self.loading.store(true, Ordering::Relaxed);
        Loading(self)
    }

    /// Notes what is waited for until `work` is done; within it, something else may be noted for a while. If it is dropped
    /// before, the note stays.
    pub(crate) async fn waiting_for<T>(&self, what: Waiting, work: impl Future<Output = T>) -> T {
        let before = self.waiting().replace(what);
        let done = work.await;
        *self.waiting() = before;
        done
    }

    /// What the load waits for, or waited for when it was ended.
    pub(crate) fn waits_for(&self) -> Option<Waiting> {
        self.waiting().clone()
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner)
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
