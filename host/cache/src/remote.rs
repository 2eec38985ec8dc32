//! The reader without a copy.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::address::Address;
use crate::failure::{no_data, wrong_value};
use kiwi_store::{Error, Name, Presence, Result, Scan, Status, Store};

/// A cache that is read from the store itself, each time: for a few reads of a large map.
///
/// Every read is a round trip, and fails if the store does not answer. It is cheap to clone.
///
/// A read returns what is published at that time. In Redis it is one plain HGET or HMGET. Whether the cache is
/// whole, and its layout, is checked once a second and whenever a key is not found. So if some of the data was
/// deleted by hand, or the cache is published in another layout, reads of what is still there may take a second
/// to notice.
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
    /// Opens a cache in a store: a URL, or one that is open already. Nothing is read yet.
    ///
    /// # Errors
    /// The URL or the name is invalid (`is_invalid`), or an embedded store cannot be opened.
    pub fn open(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        let cache = name.try_into()?;
        let store = store.into().open(None).map_err(|error| error.of(&cache))?;
        Ok(Self { store, cache, values: PhantomData })
    }

    /// The value of a key; `None` if what is published has no such key.
    ///
    /// # Errors
    /// Nothing is published, or it is lost (`is_missing`); the value is not a valid `V` (`is_value`); the store
    /// cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
    pub async fn get(&self, key: &str) -> Result<Option<V>> {
        let json = self.read(&[key]).await?.pop().flatten();
        json.map(|json| self.parse(key, &json)).transpose()
    }

    /// The values of some keys, in the order of the keys and all of one snapshot. It takes one round trip, or two
    /// if a key is not found.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let values = self.read(&keys).await?;
        let parse = |(key, json): (&&str, Option<Bytes>)| json.map(|json| self.parse(key, &json)).transpose();
        keys.iter().zip(values).map(parse).collect()
    }

    /// Whether what is published has a key.
    ///
    /// # Errors
    /// As [`get`](Self::get), except that the value may be of any type.
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
            gone => Err(no_data(&*self.store, &self.cache, &gone)),
        }
    }

    /// Whether what is published has no entries: its loader found none, and `allow_empty_data` permits that.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// The status of the cache in the store: whether it is there, its id, seq and times, the last error.
    ///
    /// # Errors
    /// The store cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
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
            None => Err(self.no_data().await?),
        }
    }

    fn parse(&self, key: &str, json: &[u8]) -> Result<V> {
        serde_json::from_slice(json).map_err(|error| wrong_value::<V>(&self.cache, key, error))
    }

    /// Why there is nothing to read.
    async fn no_data(&self) -> Result<Error> {
        let presence = self.status().await?.presence;
        Ok(no_data(&*self.store, &self.cache, &presence))
    }
}

impl<V> Clone for RemoteCache<V> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), cache: self.cache.clone(), values: PhantomData }
    }
}
