//! The copy a reader holds, and the reads that both kinds of `Cache` have.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;

use super::entries::{Base, Entries};
use super::freshness::{Seen, State};
use super::missing::Hook;
use super::{Ref, Snapshot};
use kiwi_store::{Error, Head, Id, Name, Result, Root};

/// A snapshot and what was last seen of it: swapped together, so that one read's answers agree.
pub(super) struct Held<V> {
    pub(super) snapshot: Arc<Snapshot<V>>,
    pub(super) seen: Seen,
}

/// The copy a reader holds: read by everybody, replaced only by its one reload.
pub(super) struct Local<V> {
    pub(super) cache: Name,
    pub(super) reload_ttl: Duration,
    held: ArcSwapOption<Held<V>>,
    last_error: Mutex<Option<Error>>,
}

impl<V> Local<V> {
    pub(super) fn new(cache: Name, reload_ttl: Duration) -> Self {
        Self { cache, reload_ttl, held: ArcSwapOption::empty(), last_error: Mutex::new(None) }
    }

    /// A copy that never changes and never gets stale.
    pub(super) fn fixed<K: Into<Box<str>>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::fixed_as("fixed".parse().expect("`fixed` is a name"), entries, None)
    }

    /// The same under a name, with a hook.
    pub(super) fn fixed_as<K: Into<Box<str>>>(
        cache: Name,
        entries: impl IntoIterator<Item = (K, V)>,
        hook: Option<Hook<V>>,
    ) -> Self {
        let entries: Base<V> = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        let (now, at) = (SystemTime::now(), Instant::now());
        let mut head = Head::new(Id::random(), entries.len() as u64, 0, Root::default());
        (head.seq, head.loaded_at, head.checked_at) = (1, now, now);
        let local = Self::new(cache.clone(), Duration::MAX);
        let snapshot = Arc::new(Snapshot::new(cache, &head, Entries::new(entries), hook));
        local.hold(Held { snapshot, seen: Seen::new(&head, now, at) });
        local
    }

    pub(super) fn hold(&self, held: Held<V>) {
        self.held.store(Some(Arc::new(held)));
    }

    // Always inline, so that the `Ref` stays in registers: through memory, looking at the value waits for the look-up.
    #[inline(always)]
    pub(super) fn get(&self, key: &str) -> Result<Option<Ref<V>>> {
        Ref::find(self.held.load(), key).ok_or_else(|| self.missing())
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Arc<Snapshot<V>>) -> T) -> Result<T> {
        self.look(|held| read(&held.snapshot)).ok_or_else(|| self.missing())
    }

    /// Looks at what is held, if anything is.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Held<V>) -> T) -> Option<T> {
        self.held.load().as_deref().map(look)
    }

    /// Whether no snapshot was ever loaded here.
    pub(super) fn is_missing(&self) -> bool {
        self.held.load().is_none()
    }

    pub(super) fn state(&self) -> State {
        self.look(|held| held.seen.state(self.reload_ttl, Instant::now())).unwrap_or(State::Missing)
    }

    pub(super) fn last_error(&self) -> Option<Error> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_last_error(&self, error: Option<Error>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    #[cold]
    fn missing(&self) -> Error {
        let error = Error::missing("no snapshot could be loaded yet: `last_error()` and `kiwi-host status` say why")
            .of(&self.cache);
        match self.last_error() {
            Some(cause) => error.because(cause),
            None => error,
        }
    }
}

/// Which snapshot is held, and how fresh it is: what `Debug` of either `Cache` shows.
impl<V> fmt::Debug for Local<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("name", &self.cache)
            .field("state", &self.state())
            .field("seq", &self.look(|held| held.snapshot.seq()))
            .field("age", &self.look(|held| held.seen.age(Instant::now())))
            .finish_non_exhaustive()
    }
}

/// The reads of a type that has a `local()`: the same names and docs for the async and the blocking
/// `Cache`. None of them does I/O.
macro_rules! reads {
    () => {
        /// The value of a key; `None` if the snapshot has no such key, and the `missing` hook
        /// ([`Builder::missing`]) gives nothing for it. From memory: one atomic load and one hash look-up.
        ///
        /// # Errors
        /// Only when no snapshot was ever loaded here (`is_missing`).
        #[inline(always)]
        pub fn get(&self, key: &str) -> Result<Option<Ref<V>>> {
            self.local().get(key)
        }

        /// Whether the snapshot has a key. What the `missing` hook would give does not count.
        ///
        /// # Errors
        /// Only when no snapshot was ever loaded here (`is_missing`).
        pub fn contains_key(&self, key: &str) -> Result<bool> {
            self.local().read(|snapshot| snapshot.contains_key(key))
        }

        /// How many entries the snapshot has.
        ///
        /// # Errors
        /// Only when no snapshot was ever loaded here (`is_missing`).
        pub fn len(&self) -> Result<usize> {
            self.local().read(|snapshot| snapshot.len())
        }

        /// Whether the snapshot has no entries: its loader found none, and that was allowed.
        ///
        /// # Errors
        /// Only when no snapshot was ever loaded here (`is_missing`).
        pub fn is_empty(&self) -> Result<bool> {
            self.local().read(|snapshot| snapshot.is_empty())
        }

        /// The whole map as it is now, for `keys`, `values`, iteration and `snapshot["key"]`, or for
        /// several reads that must agree. It stays as it is while newer ones come; drop it soon, as
        /// it keeps the whole map in memory.
        ///
        /// # Errors
        /// Only when no snapshot was ever loaded here (`is_missing`).
        pub fn snapshot(&self) -> Result<Arc<Snapshot<V>>> {
            self.local().read(Arc::clone)
        }

        /// Whether there is a copy, and whether it was checked against its source in time.
        #[must_use]
        pub fn state(&self) -> State {
            self.local().state()
        }

        /// How long ago the source was last known to say what this copy says; `None` if missing.
        /// Grows while the source, the host or the store is away.
        #[must_use]
        pub fn age(&self) -> Option<Duration> {
            self.local().look(|held| held.seen.age(Instant::now()))
        }

        /// Which snapshot is held; `None` if missing.
        #[must_use]
        pub fn id(&self) -> Option<Id> {
            self.local().look(|held| held.snapshot.id())
        }

        /// Its number, for people; `None` if missing.
        #[must_use]
        pub fn seq(&self) -> Option<u64> {
            self.local().look(|held| held.snapshot.seq())
        }

        /// Why the last look at the store did not end with its newest snapshot held here; `None` if
        /// it did. A value that is no `V` stays here (`is_value`) until another snapshot is published.
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
pub(super) use reads;
