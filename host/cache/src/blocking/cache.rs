//! The blocking reader.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::changes::Changes;
use super::park;
use super::worker::Worker;
use crate::address::Address;
use crate::base::fixed_base;
use crate::builder::{Builder, HoldsCopy, Reader, sealed};
use crate::freshness::State;
use crate::held::Held;
use crate::local::{Local, reads};
use crate::reference::Ref;
use crate::snapshot::Snapshot;
use crate::stored::{Stored, Value};
use crate::upkeep::Upkeep;
use kiwi_store::{Error, Id, Name, Result};

/// A cache read from memory, by keys, as values of type `V`: for code that is not async.
///
/// A background thread polls the store every `reload_ttl`, and as soon as a new snapshot is announced, and loads its
/// snapshot if that is another one, so it works without a tokio runtime as well as inside one. While the store, the host or the source is away, the
/// last snapshot is served: see [`state`](Self::state) and [`age`](Self::age). A `Cache` is cheap to clone; the
/// thread has ended when the drop of the last clone returns.
///
/// ```no_run
/// use kiwi_cache::blocking::Cache;
///
/// #[derive(serde::Deserialize)]
/// struct Airline {
///     name: String,
/// }
///
/// let airlines: Cache<Airline> = Cache::connect("redis://127.0.0.1:6379", "airlines")?;
/// if let Some(airline) = airlines.get("FR")? {
///     println!("{} ({:?} old)", airline.name, airlines.age());
/// }
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Cache<V: Stored + ?Sized> {
    inner: Arc<Inner<V>>,
}

struct Inner<V: Stored + ?Sized> {
    local: Arc<Local<V>>,
    /// `None` if the map is fixed.
    connected: Option<Arc<Connected<V>>>,
}

/// What keeps the copy up to date. The thread comes first, so that it ends before what it works on.
struct Connected<V: Stored + ?Sized> {
    worker: Worker,
    upkeep: Arc<Upkeep<V>>,
}

impl<V: Value + ?Sized> Connected<V> {
    /// Starts what has ended again: the thread, and the task on it.
    fn revive(&self) {
        let upkeep = Arc::clone(&self.upkeep);
        self.worker.start_job(async move { upkeep.revive() });
    }
}

impl<V: Stored + ?Sized> sealed::Sealed for Cache<V> {}

impl<V: Stored + ?Sized> Reader for Cache<V> {
    type Value = V;
}

impl<V: Stored + ?Sized> HoldsCopy for Cache<V> {}

impl<V: Value + ?Sized> Cache<V> {
    /// Connects to a store (a URL, or one that is open already) and loads a cache from it.
    ///
    /// # Errors
    /// There is no snapshot (`is_missing`), one of its values is not a valid `V` (`is_value`), the store cannot
    /// be reached (`is_unavailable`) or refuses access (`is_denied`), or the URL or name is invalid
    /// (`is_invalid`).
    pub fn connect(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).connect()
    }

    /// Polls the store now and loads its snapshot if that is another one, without waiting for the background
    /// thread.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). The last snapshot is still served.
    pub fn reload(&self) -> Result<()> {
        let Some(Connected { worker, upkeep }) = self.inner.connected.as_deref() else { return Ok(()) };
        let upkeep = Arc::clone(upkeep);
        worker.run(async move { upkeep.reload().await })
    }

    /// Runs a function on the background thread as soon as nothing polls or loads; nothing else runs there meanwhile.
    /// `None`: there is no thread.
    pub(super) fn run_quietly(&self, call: impl FnOnce() + Send + 'static) -> Option<()> {
        let Connected { worker, upkeep } = self.inner.connected.as_deref()?;
        let upkeep = Arc::clone(upkeep);
        worker.start_job(async move { upkeep.quietly(call).await });
        Some(())
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
    pub fn get_or_refill(&self, key: &str) -> Result<Option<Ref<V>>> {
        if let Some(Connected { worker, upkeep }) = self.inner.connected.as_deref()
            && self.local().is_missing()
        {
            let (upkeep, since) = (Arc::clone(upkeep), Instant::now());
            worker.run(async move { upkeep.read_through(since).await })?;
        }
        self.get(key)
    }

    /// Sets up a reader with other settings than the defaults.
    ///
    /// ```no_run
    /// use kiwi_cache::blocking::Cache;
    /// use std::time::Duration;
    ///
    /// let rates: Cache<f64> = Cache::builder("rates")
    ///     .store("file:.kiwi")
    ///     .reload_ttl(Duration::from_secs(5))
    ///     .wait_for(Duration::from_secs(30))
    ///     .connect()?;
    /// # Ok::<(), kiwi_cache::Error>(())
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
    pub fn connect(self) -> Result<Cache<V>> {
        let opened = self.open_copy()?;
        let worker = Worker::start(&opened.source.name)?;
        let upkeep = Arc::new(worker.run(Upkeep::start(opened))?);
        let local = Arc::clone(upkeep.local());
        let connected = Arc::new(Connected { worker, upkeep });
        let weak = Arc::downgrade(&connected);
        local.restart_by(move || {
            if let Some(connected) = weak.upgrade() {
                connected.revive();
            }
        });
        Ok(Cache { inner: Arc::new(Inner { local, connected: Some(connected) }) })
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
    /// A cache that always holds these entries, is always fresh, and needs no store and no thread:
    /// for the unit tests of services. Its name is `fixed`.
    ///
    /// ```
    /// use kiwi_cache::blocking::Cache;
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
    /// use kiwi_cache::blocking::Cache;
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
        Self { inner: Arc::new(Inner { local: Arc::new(local), connected: None }) }
    }

    /// Follows the changes of the copy: see [`Changes`]. Each call makes a follower of its own.
    #[must_use]
    pub fn changes(&self) -> Changes<V> {
        Changes::new(&self.inner.local)
    }

    /// Blocks until the copy is [`Fresh`](State::Fresh): for a service that must not start with old data. It does not
    /// poll the store itself: the background thread does, every `reload_ttl`, and each second while nothing was loaded.
    ///
    /// ```
    /// use kiwi_cache::blocking::Cache;
    /// use std::time::Duration;
    ///
    /// let airlines = Cache::fixed([("FR", "Ryanair")]);
    /// airlines.wait_until_fresh(Duration::from_secs(30))?;
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    ///
    /// # Errors
    /// It was not fresh within `timeout`. The error is of the kind of [`last_error`](Self::last_error), which is its
    /// `source()`; if there is none, `is_unavailable`, because the source was not checked in time.
    pub fn wait_until_fresh(&self, timeout: Duration) -> Result<()> {
        let local = self.local();
        park::wait_timeout(local.until_fresh(), timeout).ok_or_else(|| local.not_fresh(timeout))
    }

    reads!();

    /// What is held, if anything is.
    pub(super) fn held(&self) -> Option<Arc<Held<V>>> {
        self.inner.local.held()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_ended_is_reported_and_the_next_read_starts_another() {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("file:{}", dir.path().display());
        let builder = Cache::<u64>::builder("airlines").store(store).reload_ttl(Duration::from_millis(10));
        let airlines = builder.start_missing().connect().unwrap();
        airlines.inner.connected.as_ref().unwrap().worker.end_thread();
        let error = airlines.local().last_error().unwrap();
        assert!(error.is_unavailable(), "{error}");
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !airlines.last_error().is_some_and(|error| error.is_missing()) {
            assert!(std::time::Instant::now() < deadline, "it is polled again");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(airlines.reload().unwrap_err().is_missing());
    }

    #[test]
    fn a_follower_that_waits_starts_another_thread() {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("file:{}", dir.path().display());
        let airlines = Cache::<u64>::builder("airlines").store(store).start_missing().connect().unwrap();
        let mut changes = airlines.changes();
        let waiting = std::thread::spawn(move || changes.changed());
        let Inner { local, connected } = &*airlines.inner;
        connected.as_ref().unwrap().worker.end_thread();
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        // Not by a read of the cache, which would start it as well.
        while !local.last_error().is_some_and(|error| error.is_missing()) {
            assert!(std::time::Instant::now() < deadline, "it is polled again");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(airlines);
        assert!(waiting.join().unwrap().is_none(), "it does not keep the cache");
    }
}
