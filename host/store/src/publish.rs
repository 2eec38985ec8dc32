//! What one refill publishes, and why a store may refuse it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::{Delta, Error, Id, Lease, Push, Root, Ttl};

/// What to publish, and how.
///
/// ```
/// use std::time::Duration;
/// use kiwi_store::{Batch, Content, Id, Publish, Root, Ttl};
///
/// let entries: Batch = [("FR", r#"{"name": "Ryanair"}"#)].into_iter().collect();
/// let root: Root = entries.iter().collect();
/// let swap = Content::Swap { id: Id::random(), entries: 1, bytes: entries.bytes() as u64, root };
/// let publish = Publish::new(swap, Ttl::For(Duration::from_secs(86_400)), Duration::from_secs(600))
///     .with_mark(Some("etag-1".to_owned()));
/// assert_eq!(publish.seq_after, 0);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Publish {
    /// What the loader left for the next load.
    pub mark: Option<String>,
    /// How long the store keeps the snapshot from now on.
    pub cache_ttl: Ttl,
    /// How often it is refilled, so that readers know when it is stale.
    pub refill_interval: Duration,
    /// A lower bound for the new snapshot's `seq`, which is always greater than the one it replaces. A
    /// host that remembers more than the store continues its count with this.
    pub seq_after: u64,
    /// What its announcement, and those of its successors, carry.
    pub push: Push,
    /// The data.
    pub content: Content,
}

impl Publish {
    /// A publication without a mark.
    #[must_use]
    pub fn new(content: Content, cache_ttl: Ttl, refill_interval: Duration) -> Self {
        Self { mark: None, cache_ttl, refill_interval, seq_after: 0, push: Push::Hint, content }
    }

    /// The same with what the loader left for the next load.
    #[must_use]
    pub fn with_mark(self, mark: Option<String>) -> Self {
        Self { mark, ..self }
    }

    /// The same with a `seq` greater than this one.
    #[must_use]
    pub fn with_seq_after(self, seq_after: u64) -> Self {
        Self { seq_after, ..self }
    }

    /// The same with announcements that carry this.
    #[must_use]
    pub fn with_push(self, push: Push) -> Self {
        Self { push, ..self }
    }
}

/// The data of a [`Publish`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// What was staged replaces what is published.
    Swap {
        /// The new snapshot's id.
        id: Id,
        /// How many entries were staged: a commit is refused if the store holds another number.
        entries: u64,
        /// The bytes of all keys and values.
        bytes: u64,
        /// The fingerprint of the new map.
        root: Root,
    },
    /// Some entries of what is published are replaced, added or removed.
    Delta {
        /// The new snapshot's id.
        id: Id,
        /// The snapshot it builds on: a commit is refused if another one is published.
        base: Id,
        /// The change.
        delta: Delta,
        /// How many entries the new map has.
        entries: u64,
        /// The bytes of all keys and values of the new map.
        bytes: u64,
        /// The fingerprint of the new map.
        root: Root,
    },
    /// Nothing changed: the life of what is published is extended. No data is written.
    Touch {
        /// The snapshot that was found unchanged: a commit is refused if another one is published.
        base: Id,
    },
}

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// Whether the plain hash does not show the snapshot yet: [`Publishing::update_hash`](crate::Publishing::update_hash) is to follow.
    pub is_hash_behind: bool,
    /// Whether the deltas that lead to the snapshot have become long: [`Publishing::repack`](crate::Publishing::repack) is to follow.
    pub is_log_long: bool,
}

/// A commit that did not publish, with its lease: to be repeated, failed or released.
#[derive(Debug)]
#[must_use = "it holds a lease, which keeps other hosts waiting until it expires"]
pub struct NotCommitted {
    /// The lease of the commit.
    pub lease: Lease,
    /// Why nothing was published.
    pub reason: CommitError,
}

impl fmt::Display for NotCommitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            CommitError::Failed(error) => error.fmt(f),
            refused => write!(f, "cache `{}`: {refused}", self.lease.cache()),
        }
    }
}

impl StdError for NotCommitted {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.reason.source()
    }
}

/// Why nothing was published. What was published before is as it was; after `Failed`, that is not known.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// Another host has taken the lease.
    Fenced,
    /// Another snapshot than the base is published; for a restore, any snapshot at all.
    Moved,
    /// The published data does not match its head any more.
    Lost,
    /// What was staged is gone, or some of it; or a key was staged twice.
    StagingLost,
    /// The deltas that lead on from the last whole map would be too long: a whole map is to be written.
    LogFull,
    /// The store could not be reached, or refused the call. If the reply was lost, the snapshot may be
    /// published all the same: repeating the commit tells.
    Failed(Error),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fenced => "another host has taken the lease",
            Self::Moved => "another snapshot was published in the meantime",
            Self::Lost => "the published data was damaged in the meantime",
            Self::StagingLost => "what was staged is gone: was the store flushed or restarted?",
            Self::LogFull => "the deltas since the last whole map are too long: the next refill writes it anew",
            Self::Failed(error) => return error.fmt(f),
        })
    }
}

impl StdError for CommitError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Fenced | Self::Moved | Self::Lost | Self::StagingLost | Self::LogFull => None,
        }
    }
}

impl From<Error> for CommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
