//! A value, and the snapshot that it is of.

use std::time::{Duration, SystemTime};

use kiwi_store::{HashState, Head, Id};

/// What is published of a key at one moment: what [`RemoteCache::get_with_id`](crate::RemoteCache::get_with_id) returns.
///
/// ```no_run
/// # async fn example(airlines: kiwi_cache::RemoteCache<String>) -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::store::HashState;
///
/// let found = airlines.get_with_id("FR").await?;
/// if found.hash == HashState::Behind {
///     println!("snapshot {} is published, and HGET may still show older values", found.seq);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Found<V> {
    /// The value; `None` if that snapshot has no such key.
    pub value: Option<V>,
    /// The snapshot that the value is of.
    pub id: Id,
    /// Its number, for people; 0 for a record that kiwi-cache wrote.
    pub seq: u64,
    /// When it was published, by the store's clock.
    pub loaded_at: SystemTime,
    /// How long ago the source was last known to have it, by the store's clock.
    pub age: Duration,
    /// What `HGET` by another client shows of it. Where the hash is [`Behind`](HashState::Behind), the value is read from
    /// the version instead, so it is right all the same.
    pub hash: HashState,
}

impl<V> Found<V> {
    pub(crate) fn new(value: Option<V>, head: &Head, now: SystemTime, hash: HashState) -> Self {
        // If the store's clock was set back, the snapshot counts as new.
        let age = now.duration_since(head.checked_at).unwrap_or_default();
        Self { value, id: head.id, seq: head.seq, loaded_at: head.loaded_at, age, hash }
    }
}
