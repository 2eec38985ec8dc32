//! The reader without a copy.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::address::Address;
use crate::builder::{Builder, Reader, sealed};
use crate::found::Found;
use crate::remote_source::RemoteSource;
use kiwi_store::{Error, Name, Result, Status};

/// A cache that is read from the store itself, each time: for a few reads of a large map.
///
/// Every read is a round trip, and fails if the store does not answer. It is cheap to clone.
///
/// A read returns what is published at that time. In Redis, [`get`](Self::get) is one plain HGET. Whether the cache is
/// whole, and its layout, is checked once a second and whenever a key is not found. So if some of the data was
/// deleted by hand, or the cache is published in another layout, reads of what is still there may take a second
/// to notice; and while the hash follows a large change, the value may be of the snapshot before. All other reads are exact,
/// and [`get_with_id`](Self::get_with_id) says which snapshot a value is of.
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
pub struct RemoteCache<V> {
    remote: RemoteSource,
    values: PhantomData<fn() -> V>,
}

impl<V> sealed::Sealed for RemoteCache<V> {}

impl<V> Reader for RemoteCache<V> {
    type Value = V;
}

impl<V> RemoteCache<V> {
    /// Sets up a reader with other settings than the defaults. Those of a copy do not exist here.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), kiwi_cache::Error> {
    /// use kiwi_cache::RemoteCache;
    ///
    /// let airlines: RemoteCache<String> =
    ///     RemoteCache::builder("airlines").store("redis://127.0.0.1:6379").key_prefix("eu:").open()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: impl TryInto<Name, Error = Error>) -> Builder<Self> {
        Builder::new(name.try_into())
    }
}

impl<V: DeserializeOwned> Builder<RemoteCache<V>> {
    /// Opens the cache: see [`RemoteCache::open`].
    ///
    /// # Errors
    /// As [`RemoteCache::open`].
    pub fn open(self) -> Result<RemoteCache<V>> {
        Ok(RemoteCache { remote: RemoteSource::new(self.open_source()?), values: PhantomData })
    }
}

impl<V: DeserializeOwned> RemoteCache<V> {
    /// Opens a cache in a store: a URL, or one that is open already. Nothing is read yet.
    ///
    /// # Errors
    /// The URL or the name is invalid (`is_invalid`), or an embedded store cannot be opened.
    pub fn open(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).open()
    }

    /// The value of a key; `None` if what is published has no such key.
    ///
    /// # Errors
    /// Nothing is published, or it is lost (`is_missing`); the value is not a valid `V` (`is_value`); the store
    /// cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
    pub async fn get(&self, key: &str) -> Result<Option<V>> {
        let values = self.remote.read(&[key]).await?;
        Ok(self.remote.parse(&[key], values)?.pop().flatten())
    }

    /// As [`get`](Self::get), with the snapshot that the value is of, all in one step: it is exactly what is published at
    /// that moment, and relies on nothing that was seen before. In Redis it costs one transaction instead of one HGET.
    ///
    /// ```no_run
    /// # async fn example(airlines: kiwi_cache::RemoteCache<String>) -> Result<(), kiwi_cache::Error> {
    /// let found = airlines.get_with_id("FR").await?;
    /// println!("{:?} in snapshot {} ({}), {:?} old", found.value, found.seq, found.id, found.age);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_with_id(&self, key: &str) -> Result<Found<V>> {
        self.remote.found(key, self.remote.look_up(key).await?)
    }

    /// The values of some keys, in the order of the keys and all of one snapshot. It takes one round trip, or two
    /// if a key is not found.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        let texts: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        self.remote.parse(keys, self.remote.read(&texts).await?)
    }

    /// Whether what is published has a key.
    ///
    /// # Errors
    /// As [`get`](Self::get), except that the value may be of any type.
    pub async fn contains_key(&self, key: &str) -> Result<bool> {
        Ok(self.remote.read(&[key]).await?.iter().any(Option::is_some))
    }

    /// How many entries what is published has.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn len(&self) -> Result<u64> {
        self.remote.len().await
    }

    /// Whether what is published has no entries: its loader found none, and `allow_empty_data` permits that.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// The status of the cache in the store: whether it is there, its id, seq and times, what the plain hash shows of it
    /// ([`HashState`](kiwi_store::HashState)), the last error.
    ///
    /// # Errors
    /// The store cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
    pub async fn status(&self) -> Result<Status> {
        self.remote.status().await
    }

    /// The cache's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        self.remote.name()
    }
}

impl<V> Clone for RemoteCache<V> {
    fn clone(&self) -> Self {
        Self { remote: self.remote.clone(), values: PhantomData }
    }
}

impl<V> fmt::Debug for RemoteCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCache")
            .field("name", self.remote.name())
            .field("store", &self.remote.location())
            .finish_non_exhaustive()
    }
}
