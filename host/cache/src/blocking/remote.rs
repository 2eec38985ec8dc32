//! The blocking reader without a copy.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::worker::Worker;
use crate::address::Address;
use crate::builder::{Builder, Reader, sealed};
use crate::found::Found;
use crate::remote_source::RemoteSource;
use kiwi_store::{Error, Name, Result, Status};

/// A cache that is read from the store itself, each time: for a few reads of a large map, in code that is not async.
///
/// It has what [`kiwi_cache::RemoteCache`](crate::RemoteCache) has, and reads as that one does. The requests are made
/// by a background thread, so it works without a tokio runtime as well as inside one. It is cheap to clone; the thread
/// has ended when the drop of the last clone returns.
///
/// ```no_run
/// use kiwi_cache::blocking::RemoteCache;
///
/// let airlines: RemoteCache<String> = RemoteCache::open("redis://127.0.0.1:6379", "airlines")?;
/// if let Some(name) = airlines.get("FR")? {
///     println!("{name}");
/// }
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct RemoteCache<V> {
    remote: RemoteSource,
    worker: Arc<Worker>,
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
    /// use kiwi_cache::blocking::RemoteCache;
    ///
    /// let airlines: RemoteCache<String> =
    ///     RemoteCache::builder("airlines").store("redis://127.0.0.1:6379").key_prefix("eu:").open()?;
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn builder(name: impl TryInto<Name, Error = Error>) -> Builder<Self> {
        Builder::new(name.try_into())
    }
}

impl<V: DeserializeOwned> Builder<RemoteCache<V>> {
    /// Opens the cache: see [`RemoteCache::open`](crate::blocking::RemoteCache::open).
    ///
    /// # Errors
    /// As [`RemoteCache::open`](crate::blocking::RemoteCache::open).
    pub fn open(self) -> Result<RemoteCache<V>> {
        let remote = RemoteSource::new(self.open_source()?);
        let worker = Arc::new(Worker::start(remote.name())?);
        Ok(RemoteCache { remote, worker, values: PhantomData })
    }
}

impl<V: DeserializeOwned> RemoteCache<V> {
    /// Opens a cache in a store: a URL, or one that is open already. Nothing is read yet.
    ///
    /// # Errors
    /// The URL or the name is invalid (`is_invalid`), an embedded store cannot be opened, or the thread cannot be
    /// started (`is_unavailable`).
    pub fn open(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).open()
    }

    /// The value of a key; `None` if what is published has no such key.
    ///
    /// # Errors
    /// Nothing is published, or it is lost (`is_missing`); the value is not a valid `V` (`is_value`); the store
    /// cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
    pub fn get(&self, key: &str) -> Result<Option<V>> {
        Ok(self.get_many(&[key])?.pop().flatten())
    }

    /// As [`get`](Self::get), with the snapshot that the value is of, all in one step: it is exactly what is published at
    /// that moment, and relies on nothing that was seen before.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_with_id(&self, key: &str) -> Result<Found<V>> {
        let (remote, wanted) = (self.remote.clone(), key.to_owned());
        self.remote.found(key, self.worker.run(async move { remote.look_up(&wanted).await })?)
    }

    /// The values of some keys, in the order of the keys and all of one snapshot. It takes one round trip, or two
    /// if a key is not found.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<V>>> {
        self.remote.parse(keys, self.read(keys)?)
    }

    /// Whether what is published has a key.
    ///
    /// # Errors
    /// As [`get`](Self::get), except that the value may be of any type.
    pub fn contains_key(&self, key: &str) -> Result<bool> {
        Ok(self.read(&[key])?.iter().any(Option::is_some))
    }

    /// How many entries what is published has.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn len(&self) -> Result<u64> {
        let remote = self.remote.clone();
        self.worker.run(async move { remote.len().await })
    }

    /// Whether what is published has no entries: its loader found none, and `allow_empty_data` permits that.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The status of the cache in the store: whether it is there, its id, seq and times, what the plain hash shows of it
    /// ([`HashState`](kiwi_store::HashState)), the last error.
    ///
    /// # Errors
    /// The store cannot be reached (`is_unavailable`) or refuses access (`is_denied`).
    pub fn status(&self) -> Result<Status> {
        let remote = self.remote.clone();
        self.worker.run(async move { remote.status().await })
    }

    /// The cache's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        self.remote.name()
    }

    fn read(&self, keys: &[impl AsRef<str>]) -> Result<Vec<Option<Bytes>>> {
        let keys: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
        let remote = self.remote.clone();
        self.worker.run(async move {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            remote.read(&keys).await
        })
    }
}

impl<V> Clone for RemoteCache<V> {
    fn clone(&self) -> Self {
        Self { remote: self.remote.clone(), worker: Arc::clone(&self.worker), values: PhantomData }
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
