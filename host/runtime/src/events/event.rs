//! Something that happened to a store or to one cache.

use std::time::Duration;

use kiwi_store::{Error, Layout, Name, RecordKey};

use super::outcome::Outcome;
use crate::config::guards::Refusal;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The store cannot be reached; it is asked again until it is back.
    StoreAway { error: &'a Error },
    /// The store answers again.
    StoreBack { location: &'a str },
    /// The store does not let this host hear readers that ask for a cache.
    AsksDenied { error: &'a Error },
    /// Readers cannot be heard at the moment.
    AsksFailed { error: &'a Error },
    /// The store did not take what this host reports of a cache.
    ReportFailed { cache: &'a Name, error: &'a Error },
    /// A task panicked, this many times by now: a bug of ours. It is started again after `delay`.
    TaskDied { task: &'a str, times: u32, delay: Duration },
    /// The host begins to shut down: no more loads begin.
    Draining,
    /// The host has shut down. `in_time`: no load had to be cut off, and every lease was released that could be.
    Stopped { in_time: bool },
    /// Something happened to one cache.
    Cache(&'a Label, CacheEvent<'a>),
}

/// What names a cache to listeners.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) cache: Name,
    /// The name that kiwi-cache's metrics use: the class of its record, or else the cache's name.
    pub(crate) metric: String,
}

impl Label {
    pub(crate) fn new(cache: &Name, layout: &Layout) -> Self {
        let metric = layout.record_key().map_or(cache.as_str(), RecordKey::class).to_owned();
        Self { cache: cache.clone(), metric }
    }
}

/// Something that happened to one cache.
#[derive(Debug)]
pub(crate) enum CacheEvent<'a> {
    /// The loader has returned, after this long.
    Loaded { took: Duration },
    /// A guard refused a map that was loaded.
    Refused { refusal: &'a Refusal },
    /// A map was committed, within this time.
    Committed { took: Duration },
    /// An attempt to refill it has ended. The next one follows after `next`, where that is known.
    Ended { outcome: &'a Outcome, next: Option<Duration> },
    /// Another host is loading it, and its result is waited for. Its lease ends after `left` unless it is renewed.
    WaitingForOtherHost { holder: Option<&'a str>, left: Duration },
    /// The published snapshot was last checked against its source this long ago.
    Aged { age: Duration },
    /// A call of the store failed.
    StoreCallFailed { error: &'a Error },
    /// The store answered, but did not do what it was asked.
    StoreRefused,
    /// The life of the published data was extended; or there is none to extend.
    Prolonged { published: bool },
    /// The life of the published data could not be extended.
    ProlongFailed { error: &'a Error },
    /// What is published could not be brought to where other clients read it, or its deltas could not be packed. It is tried
    /// again.
    FollowUpFailed { error: &'a Error },
    /// The lease could not be renewed yet.
    RenewalFailed { error: &'a Error },
    /// The lease could not be released: it expires within this time.
    ReleaseFailed { error: &'a Error, lease_ttl: Duration },
    /// The failure of a load could not be recorded in the store.
    FailureNotRecorded { error: &'a Error },
    /// The store had lost the map, and this program's own copy is published again.
    Restored { seq: u64, entries: u64 },
    /// This program's own copy was not published again.
    RestoreFailed { why: &'a str },
    /// It could not be looked at; its next refill reports the same.
    LookFailed { error: &'a Error },
}
