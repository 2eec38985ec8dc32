//! What the destroyer has done to the hash, and whether somebody has seen it whole since: without harm it is always whole.

use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
pub(super) struct Harm {
    begun: AtomicUsize,
    done: AtomicUsize,
    /// After how many of them the hash was seen whole.
    healed: AtomicUsize,
}

/// How it stood before a read.
#[derive(Clone, Copy)]
pub(super) struct Before {
    done: usize,
    healed: usize,
}

impl Harm {
    /// Does harm. One party at a time does.
    pub(super) fn does<T>(&self, harm: impl FnOnce() -> T) -> T {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let done = harm();
        self.done.fetch_add(1, Ordering::SeqCst);
        done
    }

    pub(super) fn before_read(&self) -> Before {
        Before { done: self.done.load(Ordering::SeqCst), healed: self.healed.load(Ordering::SeqCst) }
    }

    /// A read has found the hash whole.
    pub(super) fn is_healed(&self, before: Before) {
        self.healed.fetch_max(before.done, Ordering::SeqCst);
    }

    /// Whether a read may have found a hash that was harmed.
    pub(super) fn is_excuse(&self, before: Before) -> bool {
        self.begun.load(Ordering::SeqCst) > before.healed
    }
}
