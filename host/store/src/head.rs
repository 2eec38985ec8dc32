//! What describes a published snapshot.

use std::time::{Duration, SystemTime};

use crate::{Id, Push, Root, Ttl};

/// What describes a published snapshot. Times are by the store's clock.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Head {
    /// Which snapshot.
    pub id: Id,
    /// Its number, for people: one more than the one before. Numbers can come back after a restored dump.
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
    /// When a refill last found that it is still what the source has.
    pub checked_at: SystemTime,
    /// How long the store keeps it if nobody refills it.
    pub cache_ttl: Ttl,
    /// How often its host refills it: after two of these without a check it is stale.
    pub refill_interval: Duration,
    /// What the announcements of its successors carry.
    pub push: Push,
}

impl Head {
    /// A head that was never published: `seq` is 0, it has no mark, both times are 1970, and it is kept
    /// forever. To be completed by assigning its fields.
    #[must_use]
    pub fn new(id: Id, entries: u64, bytes: u64, root: Root) -> Self {
        Self {
            id,
            seq: 0,
            entries,
            bytes,
            root,
            mark: None,
            loaded_at: SystemTime::UNIX_EPOCH,
            checked_at: SystemTime::UNIX_EPOCH,
            cache_ttl: Ttl::Forever,
            refill_interval: Duration::MAX,
            push: Push::Hint,
        }
    }
}
