//! The async reader.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::freshness::State;
use super::local::{Local, reads};
use super::upkeep::Upkeep;
use super::{Address, Builder, Ref, Snapshot};
use kiwi_store::{Error, Id, Name, Result};

/// A cache read from memory, by keys, as values of type `V`: for async services.
///
/// A task of its own looks every `reload_ttl` whether the store has another snapshot, and loads it.
/// While the store, the host or the source is away, the last snapshot is served; [`state`](Self::state)
/// and [`age`](Self::age) tell. Cheap to clone; the task ends when the last clone is dropped.
///
/// ```no_run
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::Cache;
///
/// #[derive(serde::Deserialize)]
/// struct Airline {
///     name: String,
/// }
///
/// let airlines: Cache<Airline> = Cache::connect("redis://127.0.0.1:6379", "airlines").await?;
/// if let Some(airline) = airlines.get("FR")? {
///     println!("{} ({:?} old)", airline.name, airlines.age());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Cache<V> {
    inner: Arc<Inner<V>>,
}

struct Inner<V> {
    local: Arc<Local<V>>,
    /// Absent where the map is fixed.
    upkeep: Option<Upkeep<V>>,
}

impl<V: DeserializeOwned + Send + Sync + 'static> Cache<V> {
    /// Connects to a store (a URL, or one that is open already) and loads a cache from it.
    ///
    /// Call it inside a tokio runtime, which then runs the reload task.
    ///
    /// # Errors
    /// No snapshot is there (`is_missing`), a value of it is no `V` (`is_value`), the store cannot be
    /// reached (`is_unavailable`) or refuses us (`is_denied`), or the URL or name is wrong (`is_invalid`).
    pub async fn connect(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).connect().await
    }

    /// Looks at the store now and loads its snapshot if it is another one, without waiting for the
    /// reload task.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); what was loaded before is served on.
    pub async fn reload(&self) -> Result<()> {
        match &self.inner.upkeep {
            Some(upkeep) => upkeep.reload().await,
            None => Ok(()),
        }
    }

    /// As [`get`](Self::get), but where no snapshot was ever loaded here, gets one first: from the store,
    /// or else from the source, by the host that is asked for it or by [`Builder::refill_by`].
    ///
    /// Never waits while there is a snapshot to serve, however old. All who find none at the same time
    /// wait for one attempt, and share how it ends. For a service that begins with
    /// [`start_missing`](Builder::start_missing).
    ///
    /// # Errors
    /// Nothing came (`is_missing`, or by [`Builder::max_attempts`] the failure itself); or what is
    /// published cannot be read, as with [`connect`](Self::connect).
    pub async fn get_or_refill(&self, key: &str) -> Result<Option<Ref<V>>> {
        if let Some(upkeep) = &self.inner.upkeep
            && self.local().is_missing()
        {
            upkeep.read_through(Instant::now()).await?;
        }
        self.get(key)
    }

    /// Sets up a reader otherwise than by default.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), kiwi_cache::Error> {
    /// use kiwi_cache::Cache;
    /// use std::time::Duration;
    ///
    /// let rates: Cache<f64> = Cache::builder("rates")
    ///     .store("file:.kiwi")
    ///     .reload_ttl(Duration::from_secs(5))
    ///     .wait_for(Duration::from_secs(30))
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: impl TryInto<Name, Error = Error>) -> Builder<Self> {
        Builder::new(name.try_into())
    }
}

impl<V: DeserializeOwned + Send + Sync + 'static> Builder<Cache<V>> {
    /// Connects and loads: see [`Cache::connect`].
    ///
    /// # Errors
    /// As [`Cache::connect`].
    pub async fn connect(self) -> Result<Cache<V>> {
        let upkeep = Upkeep::start(self.open()?).await?;
        let local = Arc::clone(upkeep.local());
        Ok(Cache { inner: Arc::new(Inner { local, upkeep: Some(upkeep) }) })
    }
}

impl<V> Builder<Cache<V>> {
    /// Ends without a store: as [`Cache::fixed`], under this name and with this `missing` hook.
    ///
    /// # Errors
    /// The name is wrong (`is_invalid`).
    pub fn fixed<K: Into<Box<str>>>(self, entries: impl IntoIterator<Item = (K, V)>) -> Result<Cache<V>> {
        let (name, missing) = self.unopened()?;
        Ok(Cache { inner: Arc::new(Inner { local: Arc::new(Local::fixed_as(name, entries, missing)), upkeep: None }) })
    }
}

impl<V> Cache<V> {
    /// A cache that always holds these entries, is always fresh, and needs no store and no runtime:
    /// for the unit tests of services. Its name is `fixed`.
    ///
    /// ```
    /// use kiwi_cache::Cache;
    ///
    /// let airlines = Cache::fixed([("FR", "Ryanair")]);
    /// assert_eq!(*airlines.get("FR")?.unwrap(), "Ryanair");
    /// assert!(airlines.get("XX")?.is_none());
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn fixed<K: Into<Box<str>>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { inner: Arc::new(Inner { local: Arc::new(Local::fixed(entries)), upkeep: None }) }
    }

    reads!();

    fn local(&self) -> &Local<V> {
        &self.inner.local
    }
}

impl<V> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<V> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local().fmt(f)
    }
}
