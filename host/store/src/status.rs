//! What a store says about a cache without its entries: whether its data is there, and if not, why. Decided by
//! `redis/presence.rs` and `embedded/reading.rs`.

use std::time::SystemTime;

use crate::{DefinitionId, Head, Id};

/// Whether a cache's data is there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Presence {
    /// No snapshot was ever published, or all of it is gone.
    Missing,
    /// A head is there, but the data does not match it: some of it was evicted, deleted or overwritten.
    Lost(Head),
    /// All of it is there.
    Whole(Head),
    /// A record that kiwi-cache itself has written, or another program that is not a host.
    Foreign(Foreign),
}

impl Presence {
    /// Which snapshot can be read.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        match self {
            Self::Whole(head) => Some(head.id),
            Self::Foreign(foreign) => Some(foreign.id),
            Self::Missing | Self::Lost(_) => None,
        }
    }

    /// The head of a snapshot that is there whole.
    #[must_use]
    pub fn whole(&self) -> Option<&Head> {
        match self {
            Self::Whole(head) => Some(head),
            Self::Missing | Self::Lost(_) | Self::Foreign(_) => None,
        }
    }
}

/// What the plain hash of a cache shows of the snapshot that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashState {
    /// There is none: the layout has no hash, or nothing whole is published.
    Absent,
    /// All of it, and nothing else.
    Current,
    /// An older snapshot, or what is on the way from one to another, or damaged entries: a host is about to bring it
    /// up to date. Readers do not rely on it meanwhile.
    Behind,
}

/// What is known of a record that no host wrote, without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// Which one: a hash of its length and of its two ends, where its timestamp is.
    pub id: Id,
    /// The bytes of the whole record.
    pub bytes: u64,
}

/// Loads that failed one after the other, on any host of one definition: kept until one succeeds, for every
/// machine to see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failing {
    /// Whose loads.
    pub definition: DefinitionId,
    /// How many have failed in a row.
    pub times: u32,
    /// When the first of them failed.
    pub since: SystemTime,
    /// The last of them.
    pub last: LastError,
    /// The host that it failed on, for people.
    pub host: String,
    /// Before this, no host of this definition asks the source again.
    pub retry_at: SystemTime,
}

/// Why a refill failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// When, by the store's clock.
    pub at: SystemTime,
    /// What kind, in one word, such as `unavailable` or `trap`.
    pub kind: String,
    /// One sentence or more for people.
    pub message: String,
}

impl LastError {
    /// An error of a refill.
    pub fn new(at: SystemTime, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, kind: kind.into(), message: message.into() }
    }
}

/// Who may refill a cache now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseState {
    /// Anybody.
    Free,
    /// A host is refilling it.
    Held {
        /// When the lease expires unless it is renewed.
        until: SystemTime,
    },
    /// No host of the definition that failed last before then: the source is left alone.
    Backoff {
        /// When loading is allowed again.
        until: SystemTime,
    },
}

/// The status of a cache at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// That moment, by the store's clock.
    pub now: SystemTime,
    /// Whether the data is there.
    pub presence: Presence,
    /// What `HGET` shows of it.
    pub hash: HashState,
    /// The definitions whose last load failed, the latest failure first.
    pub failing: Vec<Failing>,
    /// Who may refill it.
    pub lease: LeaseState,
    /// The host that is refilling it, for people, where that is known.
    pub holder: Option<String>,
}

impl Status {
    /// Why the last refill that failed did so, unless one of the same definition has succeeded since.
    #[must_use]
    pub fn last_error(&self) -> Option<&LastError> {
        self.failing.first().map(|failing| &failing.last)
    }
}

impl LeaseState {
    /// That a cache which nobody refills is free, or in the back-off of the latest of these failures.
    pub(crate) fn not_held(failing: &[Failing], now: SystemTime) -> Self {
        match failing.first() {
            Some(failing) if failing.retry_at > now => Self::Backoff { until: failing.retry_at },
            _ => Self::Free,
        }
    }
}
