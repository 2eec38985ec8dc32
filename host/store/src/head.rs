//! What a store tells of a cache without giving its entries.

use std::time::{Duration, SystemTime};

use crate::{Id, Root, Ttl};

/// What a published snapshot says of itself. Times are by the store's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Which snapshot.
    pub id: Id,
    /// Its number, for people: one more than the one before. It may come back after a restore.
    pub seq: u64,
    /// How many entries it has.
    pub entries: u64,
    /// The bytes of all its keys and values.
    pub bytes: u64,
    /// The fingerprint of the map.
    pub root: Root,
    /// What the loader left to see next time whether its source has changed.
    pub mark: Option<String>,
    /// When it was published.
    pub loaded_at: SystemTime,
    /// When a refill last found that it still stands.
    pub checked_at: SystemTime,
    /// How long the store keeps it if nobody refills it.
    pub cache_ttl: Ttl,
    /// How often its host refills it: after two of these without a check it is stale.
    pub refill_interval: Duration,
}

/// Whether a cache's data is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// No snapshot was ever published, or all of it is gone.
    Missing,
    /// A head is there, but the data does not match it: some of it was evicted, deleted or overwritten.
    Lost(Head),
    /// All of it is there.
    Whole(Head),
    /// A record that kiwi-cache itself has written, or something else than a host.
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

/// What can be told of a record that no host wrote, without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Which one: made of its length and its ends, where its timestamp stands.
    pub id: Id,
    /// The bytes of the whole record.
    pub bytes: u64,
}

/// Why the last refill failed, kept in the store until one succeeds, for every machine to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When, by the store's clock.
    pub at: SystemTime,
    /// What kind, in one word, such as `unavailable` or `trap`.
    pub kind: String,
    /// One sentence or more for people.
    pub message: String,
}

/// Who may refill a cache now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Anybody.
    Free,
    /// A host is refilling it, and has said it is alive until then.
    Held {
        /// When the lease ends unless it is renewed.
        until: SystemTime,
    },
    /// Nobody before then: the last load failed, and the source shall be left alone.
    Backoff {
        /// When loading is allowed again.
        until: SystemTime,
    },
}

/// One look at a cache in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The store's clock at that look.
    pub now: SystemTime,
    /// Whether the data is there.
    pub presence: Presence,
    /// Why the last refill failed, if it did.
    pub last_error: Option<LastError>,
    /// Who may refill it.
    pub lease: LeaseState,
}
