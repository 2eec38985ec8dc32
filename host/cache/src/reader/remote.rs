//! The reader that keeps no copy.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Address, load};
use kiwi_store::{Error, Name, Presence, Result, Status};
use kiwi_store::{Scan, Store};

/// A cache read in the store itself, each time: for a few reads of a large map.
///
/// Every read is a round trip, and fails when the store does not answer. Cheap to clone.
///
/// Values are those that are published at the time of the read. In Redis a read is one plain HGET or HMGET, as any
/// client would do it. Whether the cache is whole and in what layout it stands is looked at once a second, and
/// whenever a key is not found. So where some of the data was deleted by hand, or a cache is published in another
/// layout, it may take a second until reads of what is still there see it.
///
/// ```no_run
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::RemoteCache;
///
/// #[derive(serde::Deserialize)]
/// struct Airline {
///     name: String,
/// }
///
/// let airlines: RemoteCache<Airline> = RemoteCache::open("redis://127.0.0.1:6379", "airlines")?;
/// if let Some(airline) = airlines.get("FR").await? {
///     println!("{}", airline.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RemoteCache<V> {
    store: Arc<dyn Store>,
    cache: Name,
    values: PhantomData<fn() -> V>,
}

impl<V: DeserializeOwned> RemoteCache<V> {
    /// Names a cache in a store: a URL, or one that is open already. Nothing is read yet.
    ///
    /// # Errors
    /// The URL or the name is wrong (`is_invalid`), or an embedded store cannot be opened.
    pub fn open(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        let cache = name.try_into()?;
        let store = store.into().open(None).map_err(|error| error.of(&cache))?;
        Ok(Self { store, cache, values: PhantomData })
    }

    /// The value of a key; `None` if what is published has no such key.
    ///
    /// # Errors
    /// Nothing is published, or it is lost (`is_missing`); the value is no `V` (`is_value`); the store
    /// cannot be reached (`is_unavailable`) or refuses us (`is_denied`).
    pub async fn get(&self, key: &str) -> Result<Option<V>> {
        let json = self.read(&[key]).await?.pop().flatten();
        json.map(|json| self.parse(key, &json)).transpose()
    }

    /// The values of some keys, in their order and of one snapshot, in one round trip; in two where a key is not
    /// found.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<V>>> {
        let values = self.read(keys).await?;
        let parse = |(key, json): (&&str, Option<Bytes>)| json.map(|json| self.parse(key, &json)).transpose();
        keys.iter().zip(values).map(parse).collect()
    }

    /// Whether what is published has a key.
    ///
    /// # Errors
    /// As [`get`](Self::get), save that the value may be of any type.
    pub async fn contains_key(&self, key: &str) -> Result<bool> {
        Ok(self.read(&[key]).await?.iter().any(Option::is_some))
    }

    /// How many entries what is published has.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn len(&self) -> Result<u64> {
        match self.status().await?.presence {
            Presence::Whole(head) => Ok(head.entries),
            Presence::Foreign(_) => Ok(self.store.scan(&self.cache, Scan::Whole).await?.entries.len() as u64),
            gone => Err(load::absent(&*self.store, &self.cache, &gone)),
        }
    }

    /// Whether what is published has no entries: its loader found none, and that was allowed.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// What the store says of the cache: whether it is there, its id, seq and times, the last error.
    ///
    /// # Errors
    /// The store cannot be reached (`is_unavailable`) or refuses us (`is_denied`).
    pub async fn status(&self) -> Result<Status> {
        self.store.status(&self.cache).await
    }

    /// The cache's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.cache
    }

    /// The values of some keys, as JSON text.
    async fn read(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        match self.store.peek(&self.cache, keys).await? {
            Some(values) => Ok(values),
            None => Err(self.absent().await?),
        }
    }

    fn parse(&self, key: &str, json: &[u8]) -> Result<V> {
        load::typed(&self.cache, key, serde_json::from_slice(json))
    }

    /// Why a read found nothing to read in.
    async fn absent(&self) -> Result<Error> {
        let presence = self.status().await?.presence;
        Ok(load::absent(&*self.store, &self.cache, &presence))
    }
}

impl<V> Clone for RemoteCache<V> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), cache: self.cache.clone(), values: PhantomData }
    }
}
