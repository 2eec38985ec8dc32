//! Reading: what readers, and hosts that look after their caches, ask of a store.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Batch, Delta, Error, Head, Id, Name, Result, Status};

/// Part of a snapshot, as [`Reading::scan`] gives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chunk {
    /// The snapshot these entries belong to. `None`: missing or lost; then there are no entries.
    pub head: Option<Head>,
    /// Some of its entries. An entry may come more than once in a scan.
    pub entries: Batch,
    /// Where the scan continues; `None` at the end.
    pub next: Option<Cursor>,
}

/// What leads from one snapshot to another, as [`Reading::changes`] gives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// Where they lead.
    pub head: Head,
    /// Each delta with the id of the snapshot it leads to, in their order. None: both are one snapshot.
    pub deltas: Vec<(Id, Delta)>,
}

/// A place in a scan. Only the store that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Vec<u8>);

/// How much of a snapshot [`Reading::scan`] gives in one call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Scan {
    /// A small part, from the beginning.
    First,
    /// The next small part.
    Next(Cursor),
    /// All of it in one consistent step, however long that stalls the store.
    Whole,
}

/// How long [`Reading::peek`] relies on what was seen of a cache.
pub const SEEN_FOR: Duration = Duration::from_secs(1);

/// What a reader does with a store. Nothing here changes any data.
#[async_trait]
pub trait Reading: Send + Sync {
    /// Where the store is, for people: never with a password.
    fn location(&self) -> &str;

    /// The status of each of these caches, in their order. An error of one does not hide the others.
    ///
    /// # Errors
    /// Only when the status of none can be read.
    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>>;

    /// The status of one cache.
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

    /// As [`get`](Self::get), at the least cost: that the cache is whole, and which layout it has, may have
    /// been seen up to [`SEEN_FOR`] ago. The values themselves are those of now.
    async fn peek(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.get(cache, keys).await
    }
}
