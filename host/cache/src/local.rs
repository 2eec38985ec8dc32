//! The copy that a reader holds, and the reads that both kinds of `Cache` have in common.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::entries::Entries;
use crate::feed::Feed;
use crate::freshness::{Seen, State};
use crate::held::Held;
use crate::reference::Ref;
use crate::snapshot::{MissingHook, Snapshot};
use crate::stored::Stored;
use kiwi_store::{Error, ErrorKind, Id, Name, Result};

/// The copy that a reader holds. Everybody reads it; only the one `Reload` of the reader replaces it.
pub(crate) struct Local<V: Stored + ?Sized> {
    pub(crate) cache: Name,
    pub(crate) reload_ttl: Duration,
    held: ArcSwapOption<Held<V>>,
    last_error: Mutex<Option<Error>>,
    feed: Feed,
    /// Changes after each poll, and when the task that polls has ended.
    polls: watch::Sender<()>,
    /// Whether the task that keeps it up to date has ended, although it should not.
    is_abandoned: AtomicBool,
    /// Starts that task again. Not set where there is none: the copy is fixed.
    restart: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl<V: Stored + ?Sized> Local<V> {
    pub(crate) fn new(cache: Name, reload_ttl: Duration) -> Self {
        let (held, last_error, feed) = (ArcSwapOption::empty(), Mutex::new(None), Feed::new());
        let (polls, is_abandoned, restart) = (watch::Sender::new(()), AtomicBool::new(false), OnceLock::new());
        Self { cache, reload_ttl, held, last_error, feed, polls, is_abandoned, restart }
    }

    /// The name of a fixed copy that was given none.
    pub(crate) fn fixed_name() -> Name {
        "fixed".parse().expect("`fixed` is a valid name")
    }

    /// A copy that never changes and is always fresh.
    pub(crate) fn fixed(cache: Name, base: V::Base, hook: Option<MissingHook<V>>) -> Self {
        let local = Self::new(cache.clone(), Duration::MAX);
        let snapshot = Arc::new(Snapshot::fixed(cache, Entries::new(base), hook));
        local.hold(Held { snapshot, seen: Seen::fixed() });
        local
    }

    pub(crate) fn hold(&self, held: Held<V>) {
        self.held.store(Some(Arc::new(held)));
    }

    pub(crate) fn held(&self) -> Option<Arc<Held<V>>> {
        self.held.load_full()
    }

    // Always inlined, so that the `Ref` stays in registers: if it went through memory, an access to the value would
    // wait for the look-up.
    #[inline(always)]
    pub(crate) fn get(&self, key: &str) -> Result<Option<Ref<V>>> {
        let held = self.held.load();
        if held.is_none() {
            return Err(self.missing());
        }
        Ok(Ref::find(held, key))
    }

    /// As `get`, of some keys and all of one snapshot.
    pub(crate) fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Ref<V>>>> {
        let Some(held) = self.held.load_full() else { return Err(self.missing()) };
        Ok(keys.iter().map(|key| Ref::find(Guard::from_inner(Some(Arc::clone(&held))), key.as_ref())).collect())
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&Arc<Snapshot<V>>) -> T) -> Result<T> {
        self.with_held(|held| read(&held.snapshot)).ok_or_else(|| self.missing())
    }

    /// Reads from what is held, if anything is.
    pub(crate) fn with_held<T>(&self, read: impl FnOnce(&Held<V>) -> T) -> Option<T> {
        self.held.load().as_deref().map(read)
    }

    pub(crate) fn holds(&self, id: Id) -> bool {
        self.with_held(|held| held.snapshot.id() == id).unwrap_or(false)
    }

    /// Whether a change that is announced for this snapshot may be applied to what is held.
    pub(crate) fn takes_pushed_deltas(&self, from: Id) -> bool {
        self.with_held(|held| held.snapshot.id() == from && held.seen.takes_pushed_deltas()).unwrap_or(false)
    }

    /// Whether no snapshot was loaded yet.
    pub(crate) fn is_missing(&self) -> bool {
        self.held.load().is_none()
    }

    pub(crate) fn state(&self) -> State {
        self.with_held(|held| held.seen.state(self.reload_ttl, Instant::now())).unwrap_or(State::Missing)
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        self.with_held(|held| held.seen.age(Instant::now()))
    }

    pub(crate) fn last_error(&self) -> Option<Error> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The feed of the changes of what is held.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// A poll has ended, and what it found is held.
    pub(crate) fn polled(&self, error: Option<Error>) {
        self.keep_error(error);
        self.polls.send_replace(());
    }

    fn keep_error(&self, error: Option<Error>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// Changes after each poll, and when the task that polls has ended: whoever waits for what is held has to
    /// [`revive`](Self::revive) it then.
    pub(crate) fn polls(&self) -> watch::Receiver<()> {
        self.polls.subscribe()
    }

    /// The task that keeps it up to date has ended, and why.
    pub(crate) fn abandon(&self, why: Error) {
        // In this order: whoever is woken starts the task again, and what that finds is the last error then.
        self.keep_error(Some(why));
        self.is_abandoned.store(true, Ordering::Release);
        self.polls.send_replace(());
    }

    /// How that task is started again. To be called once.
    pub(crate) fn restart_by(&self, restart: impl Fn() + Send + Sync + 'static) {
        // It is set already only if this was called before.
        let _ = self.restart.set(Box::new(restart));
    }

    /// Starts that task again if it has ended, where it can be: see `Upkeep::revive`.
    #[inline(always)]
    pub(crate) fn revive(&self) {
        if self.is_abandoned() {
            self.try_restart();
        }
    }

    #[cold]
    #[inline(never)]
    fn try_restart(&self) {
        if let Some(restart) = self.restart.get() {
            restart();
        }
    }

    #[inline(always)]
    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Whether the caller is to start the task again: only one caller is.
    pub(crate) fn adopt(&self) -> bool {
        self.is_abandoned.swap(false, Ordering::Acquire)
    }

    /// Waits until what is held is fresh. If the task that polls ends meanwhile, it is started again.
    pub(crate) async fn until_fresh(&self) {
        let mut polls = self.polls();
        while self.state() != State::Fresh {
            self.revive();
            polls.changed().await.expect("the sender is a field of `self`");
        }
    }

    /// Why nothing that is held was fresh for so long.
    pub(crate) fn not_fresh(&self, timeout: Duration) -> Error {
        let cause = self.last_error();
        let (kind, message) = match self.age() {
            None => (ErrorKind::Missing, format!("no snapshot was loaded within {timeout:?}")),
            Some(age) => (
                ErrorKind::Unavailable,
                format!("the copy is still stale after {timeout:?}: its source was last checked {age:.1?} ago"),
            ),
        };
        let kind = cause.as_ref().map_or(kind, Error::kind);
        let error = Error::new(kind, format!("{message}; see the reason with `kiwi-host status`")).of(&self.cache);
        match cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    }

    #[cold]
    fn missing(&self) -> Error {
        let error =
            Error::missing("no snapshot was loaded yet: see `last_error()` and `kiwi-host status` for the reason")
                .of(&self.cache);
        match self.last_error() {
            Some(cause) => error.because(cause),
            None => error,
        }
    }
}

/// `Debug` of either `Cache` shows which snapshot is held and how fresh it is.
impl<V: Stored + ?Sized> fmt::Debug for Local<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("name", &self.cache)
            .field("state", &self.state())
            .field("seq", &self.with_held(|held| held.snapshot.seq()))
            .field("age", &self.age())
            .finish_non_exhaustive()
    }
}

/// The reads of a type that has a `local()`: the async and the blocking `Cache` have the same names and docs.
/// None of them does I/O.
macro_rules! reads {
    () => {
        /// The value of a key; `None` if the snapshot has no such key and the `missing` hook
        /// ([`Builder::missing`]) gives nothing for it. A read is from memory: one atomic load and one hash look-up.
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        #[inline(always)]
        pub fn get(&self, key: &str) -> Result<Option<Ref<V>>> {
            self.local().get(key)
        }

        /// The values of some keys, in the order of the keys and all of one snapshot; `None` for each key that the
        /// snapshot does not have, as with [`get`](Self::get).
        ///
        /// ```
        /// use kiwi_cache::Cache;
        ///
        /// let airlines = Cache::fixed([("FR", "Ryanair"), ("U2", "easyJet")]);
        /// let found = airlines.get_many(&["U2", "XX"])?;
        /// assert_eq!(found[0].as_deref(), Some(&"easyJet"));
        /// assert!(found[1].is_none());
        /// # Ok::<(), kiwi_cache::Error>(())
        /// ```
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Ref<V>>>> {
            self.local().get_many(keys)
        }

        /// Whether the snapshot has a key. What the `missing` hook would give does not count.
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        pub fn contains_key(&self, key: &str) -> Result<bool> {
            self.local().read(|snapshot| snapshot.contains_key(key))
        }

        /// How many entries the snapshot has.
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        pub fn len(&self) -> Result<usize> {
            self.local().read(|snapshot| snapshot.len())
        }

        /// Whether the snapshot has no entries: its loader found none, and `allow_empty_data` permits that.
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        pub fn is_empty(&self) -> Result<bool> {
            self.local().read(|snapshot| snapshot.is_empty())
        }

        /// The whole map as it is now: for `keys`, `values`, iteration and `snapshot["key"]`, and for
        /// several reads that must agree. Its reads cannot fail. It does not change when a newer snapshot is
        /// loaded; drop it soon, because it keeps the whole map in memory.
        ///
        /// # Errors
        /// Only if no snapshot was loaded yet (`is_missing`).
        pub fn snapshot(&self) -> Result<Arc<Snapshot<V>>> {
            self.local().read(Arc::clone)
        }

        /// Whether there is a copy, and whether that copy was checked against its source in time.
        #[must_use]
        pub fn state(&self) -> State {
            self.local().state()
        }

        /// How long ago the source was last known to have what the copy has; `None` if missing.
        /// It grows while the source, the host or the store is away.
        #[must_use]
        pub fn age(&self) -> Option<Duration> {
            self.local().age()
        }

        /// Which snapshot is held; `None` if missing.
        #[must_use]
        pub fn id(&self) -> Option<Id> {
            self.local().with_held(|held| held.snapshot.id())
        }

        /// Its number, for people; `None` if missing.
        #[must_use]
        pub fn seq(&self) -> Option<u64> {
            self.local().with_held(|held| held.snapshot.seq())
        }

        /// Why the last poll of the store failed to load its newest snapshot; `None` if it did not fail.
        /// A value that is not a valid `V` (`is_value`) remains the error until another snapshot is published.
        ///
        /// It also says if nothing polls any more because the runtime that did has shut down. Reads, reloads and waits
        /// inside another runtime start the polling again.
        #[must_use]
        pub fn last_error(&self) -> Option<Error> {
            self.local().last_error()
        }

        /// The cache's name.
        #[must_use]
        pub fn name(&self) -> &Name {
            &self.local().cache
        }
    };
}
pub(crate) use reads;
