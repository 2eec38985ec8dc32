//! The async reader.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::address::Address;
use crate::base::fixed_base;
use crate::builder::{Builder, HoldsCopy, Reader, sealed};
use crate::changes::Changes;
use crate::freshness::State;
use crate::local::{Local, reads};
use crate::reference::Ref;
use crate::snapshot::Snapshot;
use crate::stored::{Stored, Value};
use crate::upkeep::Upkeep;
use kiwi_store::{Error, Id, Name, Result};

/// A cache read from memory, by keys, as values of type `V`: for async services.
///
/// A background task polls the store every `reload_ttl`, and as soon as a new snapshot is announced, and loads its
/// snapshot if that is another one. If the runtime of that task shuts down, whoever reads, reloads or waits inside another
/// runtime starts it again. While the store, the host or the source is away, the last snapshot is served: see [`state`](Self::state)
/// and [`age`](Self::age). A `Cache` is cheap to clone; the task ends when the last clone is dropped.
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
pub struct Cache<V: Stored + ?Sized> {
    inner: Arc<Inner<V>>,
}

struct Inner<V: Stored + ?Sized> {
    local: Arc<Local<V>>,
    /// `None` if the map is fixed.
    upkeep: Option<Arc<Upkeep<V>>>,
}

impl<V: Stored + ?Sized> sealed::Sealed for Cache<V> {}

impl<V: Stored + ?Sized> Reader for Cache<V> {
    type Value = V;
}

impl<V: Stored + ?Sized> HoldsCopy for Cache<V> {}

impl<V: Value + ?Sized> Cache<V> {
    /// Connects to a store (a URL, or one that is open already) and loads a cache from it.
    ///
    /// Call it inside a tokio runtime, which then runs the reload task.
    ///
    /// # Errors
    /// There is no snapshot (`is_missing`), one of its values is not a valid `V` (`is_value`), the store cannot
    /// be reached (`is_unavailable`) or refuses access (`is_denied`), or the URL or name is invalid
    /// (`is_invalid`).
    pub async fn connect(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).connect().await
    }

    /// Polls the store now and loads its snapshot if that is another one, without waiting for the reload task.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). The last snapshot is still served.
    pub async fn reload(&self) -> Result<()> {
        match &self.inner.upkeep {
            Some(upkeep) => upkeep.reload().await,
            None => Ok(()),
        }
    }

    /// As [`get`](Self::get), but if no snapshot was loaded yet, it loads one first: from the store, or else
    /// from the source, through a host that is asked for it or through [`Builder::refill_by`].
    ///
    /// It never waits while there is a snapshot to serve, however old. All reads that find none at the same
    /// time wait for one attempt and share its outcome. For a service that starts with
    /// [`start_missing`](Builder::start_missing).
    ///
    /// # Errors
    /// There is still no snapshot (`is_missing`, or the failure itself: see [`Builder::max_attempts`]), or what
    /// is published cannot be read, as with [`connect`](Self::connect).
    pub async fn get_or_refill(&self, key: &str) -> Result<Option<Ref<V>>> {
        if let Some(upkeep) = &self.inner.upkeep
            && self.local().is_missing()
        {
            upkeep.read_through(Instant::now()).await?;
        }
        self.get(key)
    }

    /// Sets up a reader with other settings than the defaults.
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

impl<V: Value + ?Sized> Builder<Cache<V>> {
    /// Connects and loads: see [`Cache::connect`].
    ///
    /// # Errors
    /// As [`Cache::connect`].
    pub async fn connect(self) -> Result<Cache<V>> {
        let upkeep = Arc::new(Upkeep::start(self.open_copy()?).await?);
        let local = Arc::clone(upkeep.local());
        let weak = Arc::downgrade(&upkeep);
        local.restart_by(move || {
            if let Some(upkeep) = weak.upgrade() {
                upkeep.revive();
            }
        });
        Ok(Cache { inner: Arc::new(Inner { local, upkeep: Some(upkeep) }) })
    }
}

impl<V> Builder<Cache<V>> {
    /// Makes a cache without a store, as [`Cache::fixed`] does, with this name and this `missing` hook.
    ///
    /// # Errors
    /// The name is invalid (`is_invalid`).
    pub fn fixed<K: Into<Box<str>>>(self, entries: impl IntoIterator<Item = (K, V)>) -> Result<Cache<V>> {
        let (name, missing) = self.without_store()?;
        Ok(Cache::of_fixed(Local::fixed(name, fixed_base(entries), missing)))
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
        Self::of_fixed(Local::fixed(Local::<V>::fixed_name(), fixed_base(entries), None))
    }
}

impl Cache<str> {
    /// As [`fixed`](Cache::fixed), for values that are read as JSON text. The text is not checked.
    ///
    /// ```
    /// use kiwi_cache::Cache;
    ///
    /// let airlines = Cache::fixed_json([("FR", r#"{"name":"Ryanair"}"#)]);
    /// assert_eq!(&*airlines.get("FR")?.unwrap(), r#"{"name":"Ryanair"}"#);
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn fixed_json<K: AsRef<str>, J: AsRef<str>>(entries: impl IntoIterator<Item = (K, J)>) -> Self {
        Self::of_fixed(Local::fixed(Local::<str>::fixed_name(), entries.into_iter().collect(), None))
    }
}

impl<V: Stored + ?Sized> Cache<V> {
    fn of_fixed(local: Local<V>) -> Self {
        Self { inner: Arc::new(Inner { local: Arc::new(local), upkeep: None }) }
    }

    /// Follows the changes of the copy: see [`Changes`]. Each call makes a follower of its own.
    #[must_use]
    pub fn changes(&self) -> Changes<V> {
        Changes::new(&self.inner.local)
    }

    /// Waits until the copy is [`Fresh`](State::Fresh): for a service that must not start with old data. It does not
    /// poll the store itself: the background task does, every `reload_ttl`, and each second while nothing was loaded.
    ///
    /// ```no_run
    /// use kiwi_cache::Cache;
    /// use std::time::Duration;
    ///
    /// # async fn example() -> Result<(), kiwi_cache::Error> {
    /// let rates: Cache<f64> = Cache::builder("rates").store("file:.kiwi").start_missing().connect().await?;
    /// rates.wait_until_fresh(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// It was not fresh within `timeout`. The error is of the kind of [`last_error`](Self::last_error), which is its
    /// `source()`; if there is none, `is_unavailable`, because the source was not checked in time.
    pub async fn wait_until_fresh(&self, timeout: Duration) -> Result<()> {
        let local = self.local();
        // A fixed cache is always fresh, and is used without a runtime, which the timeout would need.
        if local.state() == State::Fresh {
            return Ok(());
        }
        tokio::time::timeout(timeout, local.until_fresh()).await.map_err(|_| local.not_fresh(timeout))
    }

    reads!();

    #[inline(always)]
    fn local(&self) -> &Local<V> {
        self.inner.local.revive();
        &self.inner.local
    }
}

impl<V: Stored + ?Sized> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<V: Stored + ?Sized> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local().fmt(f)
    }
}
