//! Publishing: a refill, from taking the lease to giving it back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::record_text::RecordText;
use crate::{Batch, Delta, Head, Id, LastError, Name, Result, Root, Token, Ttl};

/// The right to refill one cache, given by [`Store::begin`].
#[derive(Clone, Debug)]
pub struct Lease {
    /// The cache it is for.
    pub cache: Name,
    /// Names its holder.
    pub token: Token,
    /// What is staged of a record, which is sent when it is whole.
    record: Arc<Mutex<RecordText>>,
}

impl Lease {
    pub(crate) fn new(cache: Name, token: Token) -> Self {
        Self { cache, token, record: Arc::default() }
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, RecordText> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a snapshot is due for a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// When it was last checked this long ago, or is missing or lost.
    After(Duration),
    /// Now, however fresh it is. A live lease of another host still stands in the way; a backoff
    /// does not.
    Always,
}

/// What [`Store::begin`] says.
#[derive(Clone, Debug)]
pub enum Begin {
    /// The lease is ours. `base` is what is published now, if all of it is there.
    Go {
        /// The lease, to be given back by `commit`, `fail` or `release`.
        lease: Lease,
        /// What is published now: `None` when missing or lost.
        base: Option<Head>,
    },
    /// Not due: somebody has just checked it.
    Fresh {
        /// Until it is due.
        left: Duration,
    },
    /// Another host is refilling it.
    Busy {
        /// Until its lease ends, unless it is renewed.
        left: Duration,
    },
    /// A load failed a short while ago, and the source shall be left alone.
    Backoff {
        /// Until loading is allowed again.
        left: Duration,
    },
}

/// What to publish, and how.
#[derive(Clone, Debug)]
pub struct Publish {
    /// What the loader left for next time.
    pub mark: Option<String>,
    /// How long the store keeps it from now on.
    pub cache_ttl: Ttl,
    /// How often it is refilled, for readers to tell when it is stale.
    pub refill_interval: Duration,
    /// The new snapshot's `seq` is greater than this too, and not only than that of what it replaces:
    /// a host that remembers goes on counting where the store lost everything.
    pub seq_after: u64,
    /// The data.
    pub content: Content,
}

/// The data of a [`Publish`].
#[derive(Clone, Debug)]
pub enum Content {
    /// What was staged replaces what is published.
    Swap {
        /// The new snapshot's id.
        id: Id,
        /// How many entries were staged: a commit refuses if another number is there.
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
        /// What it builds on: a commit refuses if something else is published.
        base: Id,
        /// The change.
        delta: Delta,
        /// The bytes of all keys and values of the new map.
        bytes: u64,
        /// The fingerprint of the new map.
        root: Root,
    },
    /// What is staged takes the place of a snapshot that the store has lost: a copy of that very one,
    /// as old as it says. The lease stays, and so does the last error: the load itself has failed.
    Restore {
        /// What the lost snapshot said of itself.
        head: Box<Head>,
    },
    /// Nothing changed: what is published lives on. No data is written.
    Touch {
        /// What was found unchanged: a commit refuses if something else is published.
        base: Id,
    },
}

/// What a commit came to. Everything but `Done` left the published data as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Published, and the lease given back.
    Done,
    /// The lease is not ours any more.
    Fenced,
    /// Something else than the base is published; or anything at all, where it should be restored.
    Moved,
    /// The published data does not match its head any more.
    Lost,
    /// What was staged is gone, or not all there.
    StagingLost,
}

/// What a host does with a store: it refills caches.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Takes the lease of a cache if it is due by the store's clock and nobody else holds it, and
    /// drops whatever the holder before had staged. Again with the same token: takes it again, unless
    /// kiwi-cache's lock, where the layout has one, was lost.
    async fn begin(&self, cache: &Name, token: Token, lease_ttl: Duration, due: Due) -> Result<Begin>;

    /// Prolongs a lease to `lease_ttl` from now. `false`: it is not ours any more.
    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool>;

    /// Adds entries to what this lease has staged, invisible to readers. A key staged twice keeps
    /// its last value.
    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()>;

    /// Whether a key was staged by this lease. For confirming a suspected duplicate: slow.
    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool>;

    /// Publishes in one atomic step, notifies readers, forgets the last error and gives the lease
    /// back. Safe to repeat when the reply was lost: a swap or delta that is already published is
    /// `Done`, and so is a touch of what stands there while the lease is ours.
    async fn commit(&self, lease: &Lease, publish: &Publish) -> Result<Commit>;

    /// Gives the lease back after a failed load, drops what was staged, keeps the error for
    /// `status` (for `keep`, when nothing is published), and makes every host leave the source
    /// alone for `backoff`. Does nothing if the lease is not ours any more.
    async fn fail(&self, lease: &Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()>;

    /// Gives the lease back with nothing done, and drops what was staged.
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Extends the life of what is published to at least `cache_ttl` from now; never shortens it.
    /// Needs no lease and no memory. `false`: nothing is published.
    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool>;
}
