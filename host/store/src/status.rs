//! What a store says about a cache without its entries: whether its data is there, and if not, why. Decided by
//! `redis/presence.rs` and `embedded/reading.rs`.

use std::time::SystemTime;

use crate::{Head, Id};

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

/// What is known of a record that no host wrote, without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// Which one: a hash of its length and of its two ends, where its timestamp is.
    pub id: Id,
    /// The bytes of the whole record.
    pub bytes: u64,
}

/// Why the last refill failed, kept in the store until one succeeds, for every machine to see.
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
    /// Nobody before then: the last load failed, and the source is left alone.
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
    /// Why the last refill failed, if it did.
    pub last_error: Option<LastError>,
    /// Who may refill it.
    pub lease: LeaseState,
}
