//! Which calls fail next, and how.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How a call fails: with an error that `is_unavailable`, or in a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call never reaches the store.
    Unreachable,
    /// The store does what it was asked, and its reply is lost.
    LostReply,
    /// The call panics, as only a bug makes it.
    Panic,
}

/// A method of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are named like the methods")]
pub enum Method {
    Begin,
    Renew,
    Stage,
    IsStaged,
    Commit,
    Restore,
    Seal,
    UpdateHash,
    Repack,
    Fail,
    Release,
    Prolong,
    Report,
    Withdraw,
    Hosts,
    Statuses,
    Whole,
    Changes,
    Get,
    LookUp,
    Peek,
    Ask,
    Asks,
    Subscribe,
    Subscribers,
    Caches,
    Forget,
    Check,
}

/// The faults to come, and how often each method was called.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<HashMap<Method, Calls>>);

#[derive(Debug, Default)]
struct Calls {
    faults: Vec<Fault>,
    count: usize,
}

impl Faults {
    /// After those that are to come for this method.
    pub(super) fn add(&self, method: Method, fault: Fault) {
        self.with(method, |calls| calls.faults.push(fault));
    }

    /// The fault of a call that starts now.
    pub(super) fn next(&self, method: Method) -> Option<Fault> {
        self.with(method, |calls| {
            calls.count += 1;
            (!calls.faults.is_empty()).then(|| calls.faults.remove(0))
        })
    }

    pub(super) fn count(&self, method: Method) -> usize {
        self.with(method, |calls| calls.count)
    }

    fn with<T>(&self, method: Method, work: impl FnOnce(&mut Calls) -> T) -> T {
        // A poisoned lock is fine here: the test that panicked fails anyway.
        work(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default())
    }
}
