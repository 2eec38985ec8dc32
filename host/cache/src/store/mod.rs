//! Where snapshots live: one trait, and the two stores behind it.
//!
//! A store keeps, for each cache, the data (key -> JSON text), the head that describes it, and the
//! lease that lets one host at a time refill it. What it promises, on both sides of a crash:
//!
//! - A reader sees all of one snapshot, or all of another. Nothing in between is ever visible.
//! - A snapshot is replaced only by a commit of the host that holds the lease.
//! - Data, head and everything staged have a TTL at every moment, save what is published for ever.
//! - All times are the store's own; the hosts' clocks do not matter.
//!
//! Only this module names `redis` or `heed`.

mod delta;
mod embedded;
mod layout;
mod redis;
mod url;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use delta::Delta;
pub use embedded::Embedded;
pub use layout::{Layout, RecordKey};
use redis::RecordText;
pub use redis::{Redis, RedisOptions};
pub use url::StoreUrl;

use crate::{Batch, Error, Head, Id, LastError, Name, Result, Root, Status, Token, Ttl};

/// Opens the store that a URL names: `redis://`, `rediss://`, `redis+unix:///PATH` or `file:DIR`.
///
/// Opening does not connect: a Redis that is away shows in the first call.
///
/// # Errors
/// The URL is none of these (`is_invalid`); the directory cannot be made or is on a network file
/// system.
pub fn open(url: &StoreUrl) -> Result<Arc<dyn Store>> {
    match url {
        StoreUrl::Redis(options) => Ok(Arc::new(Redis::open(options)?)),
        StoreUrl::Embedded(dir) => Ok(Arc::new(Embedded::open(dir)?)),
    }
}

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
    fn new(cache: Name, token: Token) -> Self {
        Self { cache, token, record: Arc::default() }
    }

    fn record(&self) -> MutexGuard<'_, RecordText> {
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

/// Part of a snapshot, as [`Store::scan`] gives it.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The snapshot these entries belong to. `None`: missing or lost; then there are no entries.
    pub head: Option<Head>,
    /// Some of its entries. An entry may come more than once in a scan.
    pub entries: Batch,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// What leads from one snapshot to another, as [`Store::changes`] gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Where they lead.
    pub head: Head,
    /// Each delta with the id of the snapshot it leads to, in their order. None: both are one snapshot.
    pub deltas: Vec<(Id, Delta)>,
}

/// A place in a scan. Only the store that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Vec<u8>);

/// How much of a snapshot [`Store::scan`] gives in one call.
#[derive(Clone, Debug)]
pub enum Scan {
    /// A small part, from the beginning.
    First,
    /// The next small part.
    Next(Cursor),
    /// All of it in one consistent step, however long that stalls the store.
    Whole,
}

/// The caches that readers ask for, as they ask: see [`Store::asks`].
pub type Asks = BoxStream<'static, Name>;

/// How long [`Store::peek`] goes by what was seen of a cache.
pub const SEEN_FOR: Duration = Duration::from_secs(1);

/// Something [`Store::check`] found that will cause trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether caches cannot work with it at all.
    pub fatal: bool,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A place where snapshots live. See the [module](self) for what it promises.
///
/// Every error names the cache it is about. A store that cannot be reached, or does not answer in
/// time, gives `is_unavailable`; nothing is retried here beyond reconnecting.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Where it is, for people: never with a password.
    fn location(&self) -> &str;

    /// The same store, over the same connection, which knows in what layout these caches stand. Those
    /// that are not named are hashes, unless what a host has published says otherwise.
    ///
    /// # Errors
    /// The store does not have such a layout (`is_invalid`).
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>>;

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

    /// One look at each of these caches, in their order. What is wrong with one does not hide the
    /// others.
    ///
    /// # Errors
    /// Only when none can be looked at.
    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>>;

    /// One look at one cache.
    async fn status(&self, cache: &Name) -> Result<Status> {
        let mut statuses = self.statuses(std::slice::from_ref(cache)).await?;
        statuses
            .pop()
            .unwrap_or_else(|| Err(Error::unavailable(format!("{} gave no answer", self.location())).of(cache)))
    }

    /// Part of what is published, with the head it belongs to: each call is consistent by itself.
    /// A scan is one snapshot only if all its chunks have the same id: the first and the last are
    /// not enough where an old dump can be restored between them.
    async fn scan(&self, cache: &Name, scan: Scan) -> Result<Chunk>;

    /// What leads from a snapshot to the one that is published now. `None`: not all of it is kept, or
    /// nothing whole is published.
    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>>;

    /// The values of some keys of what is published, in one consistent step. The outer `None`:
    /// the cache is missing or lost.
    async fn get(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>>;

    /// As [`get`](Self::get), at the least cost: that the cache is whole, and in what layout it stands, may have
    /// been seen up to [`SEEN_FOR`] ago. The values themselves are those of now.
    async fn peek(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.get(cache, keys).await
    }

    /// Asks whatever host runs a cache to look after it, for a reader that finds nothing there. Changes
    /// no data. Nobody may be listening, so it is to be repeated by who waits.
    async fn ask(&self, cache: &Name) -> Result<()>;

    /// The names of those of these caches that are asked for from now on; one that is asked for many
    /// times at once may come once. It ends when the store is not heard any more.
    async fn asks(&self, caches: &[Name]) -> Result<Asks>;

    /// The caches that have a snapshot or a last error here, sorted.
    async fn caches(&self) -> Result<Vec<Name>>;

    /// Deletes everything of a cache. `false`: there was nothing.
    async fn forget(&self, cache: &Name) -> Result<bool>;

    /// What a host needs of the store and does not have: rights, memory policy, disk.
    ///
    /// # Errors
    /// Only when the store cannot be reached at all.
    async fn check(&self) -> Result<Vec<Finding>>;
}
