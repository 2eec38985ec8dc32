//! Reading: what readers, and hosts that look after their caches, ask of a store.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Delta, Error, HashState, Head, Id, Name, Result, Status, Whole};

/// What leads from one snapshot to another, as [`Reading::changes`] gives it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// The store's clock.
    pub now: SystemTime,
    /// Where they lead.
    pub head: Head,
    /// Each delta with the id of the snapshot it leads to, in their order. None: both are one snapshot.
    pub deltas: Vec<(Id, Delta)>,
}

impl Changes {
    /// The bytes of all deltas, at most.
    pub(crate) fn bytes(&self) -> usize {
        self.deltas.iter().map(|(_, delta)| delta.max_packed_bytes()).sum()
    }
}

/// Values, and what they are of, as [`Reading::look_up`] gives them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LookUp {
    /// The store's clock.
    pub now: SystemTime,
    /// The snapshot that the values are of. That of a record which kiwi-cache wrote has the `seq` 0.
    pub head: Head,
    /// What `HGET` shows of that snapshot.
    pub hash: HashState,
    /// The values, in the order of the keys.
    pub values: Vec<Option<Bytes>>,
}

/// How long [`Reading::peek`] relies on what was seen of a cache.
pub const SEEN_FOR: Duration = Duration::from_secs(1);

/// What a reader does with a store. Nothing here changes any data.
#[async_trait]
pub trait Reading: Send + Sync {
    /// Where the store is, for people: never with a password.
    fn location(&self) -> &str;

    /// Where the data of a cache is: another place has other data, whatever its name. For people too, and never with a
    /// password.
    fn place(&self, _: &Name) -> String {
        self.location().to_owned()
    }

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

    /// All of what is published. `None`: missing or lost.
    async fn whole(&self, cache: &Name) -> Result<Option<Whole>>;

    /// What leads from a snapshot to the one that is published now. `None`: not all of it is kept, or
    /// nothing whole is published.
    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>>;

    /// The values of some keys of what is published, in one consistent step. The outer `None`:
    /// the cache is missing or lost.
    async fn get(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        Ok(self.look_up(cache, keys).await?.map(|found| found.values))
    }

    /// As [`get`](Self::get), with the snapshot that the values are of, all in one consistent step.
    async fn look_up(&self, cache: &Name, keys: &[&str]) -> Result<Option<LookUp>>;

    /// As [`get`](Self::get), at the least cost: that the cache is whole, and which layout it has, may have
    /// been seen up to [`SEEN_FOR`] ago. The values are those that the plain hash has now: a single key may be of the
    /// snapshot before for as long as the hash follows a large change.
    async fn peek(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.get(cache, keys).await
    }
}
