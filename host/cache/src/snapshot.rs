//! One whole map of one load, in memory.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;
use std::time::SystemTime;

use crate::entries::{Entries, Iter};
use crate::stored::Stored;
use kiwi_store::{Head, Id, Name};

/// The service's hook for keys that a snapshot does not have: it gives another entry's value, or a `static` one.
pub(crate) type MissingHook<V> = Arc<dyn for<'a> Fn(&'a Snapshot<V>, &str) -> Option<&'a V> + Send + Sync>;

/// One whole map of one load: dict-like and immutable.
///
/// ```
/// use kiwi_cache::Cache;
///
/// let airlines = Cache::fixed([("FR", "Ryanair"), ("U2", "easyJet")]);
/// let snapshot = airlines.snapshot()?;
///
/// assert_eq!(snapshot["FR"], "Ryanair");
/// assert_eq!(snapshot.get("XX"), None);
/// assert_eq!(snapshot.get_many(&["U2", "XX"]), [Some(&"easyJet"), None]);
/// for (code, name) in &*snapshot {
///     println!("{code}: {name}");
/// }
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Snapshot<V: Stored + ?Sized> {
    cache: Name,
    id: Id,
    seq: u64,
    loaded_at: SystemTime,
    entries: Arc<Entries<V>>,
    fallback: Option<Fallback<V>>,
}

/// A hook, and the snapshot that it is given: one without the hook, so that the hook cannot call itself.
struct Fallback<V: Stored + ?Sized> {
    hook: MissingHook<V>,
    snapshot: Box<Snapshot<V>>,
}

impl<V: Stored + ?Sized> Snapshot<V> {
    /// The snapshot that a store has under this head.
    pub(crate) fn new(cache: Name, head: &Head, entries: Entries<V>, hook: Option<MissingHook<V>>) -> Self {
        let Head { id, seq, loaded_at, .. } = *head;
        Self { cache, id, seq, loaded_at, entries: Arc::new(entries), fallback: None }.with_hook(hook)
    }

    /// A snapshot that is in no store.
    pub(crate) fn fixed(cache: Name, entries: Entries<V>, hook: Option<MissingHook<V>>) -> Self {
        let (id, loaded_at) = (Id::random(), SystemTime::now());
        Self { cache, id, seq: 1, loaded_at, entries: Arc::new(entries), fallback: None }.with_hook(hook)
    }

    fn with_hook(self, hook: Option<MissingHook<V>>) -> Self {
        let Some(hook) = hook else { return self };
        let Self { id, seq, loaded_at, .. } = self;
        let (cache, entries) = (self.cache.clone(), Arc::clone(&self.entries));
        Self { cache, id, seq, loaded_at, entries, fallback: Some(Fallback { hook, snapshot: Box::new(self) }) }
    }

    /// The cache it is a snapshot of.
    #[must_use]
    pub fn cache(&self) -> &Name {
        &self.cache
    }

    /// Which snapshot it is: compared only for equality.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// Its number, for people: one more than that of the snapshot before. It may repeat after a restore.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was published, by the store's clock.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// The value of a key, or what the `missing` hook gives for it ([`Builder::missing`](crate::Builder::missing)).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        match self.entries.get(key) {
            None => self.fallback(key),
            found => found,
        }
    }

    /// The values of some keys, in the order of the keys; `None` for each key that it does not have.
    #[must_use]
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Vec<Option<&V>> {
        keys.iter().map(|key| self.get(key.as_ref())).collect()
    }

    /// Whether it has a key. What the `missing` hook would give does not count.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.get(key).is_some()
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entries: its loader found none, and `allow_empty_data` permits that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys. They come in the order of [`iter`](Self::iter).
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// All values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All entries, in arbitrary order, which is the same each time for one snapshot.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, V> {
        self.entries.iter()
    }

    #[inline]
    pub(crate) fn entries(&self) -> &Entries<V> {
        &self.entries
    }

    /// What the `missing` hook gives for a key that the snapshot does not have.
    pub(crate) fn fallback(&self, key: &str) -> Option<&V> {
        let Fallback { hook, snapshot } = self.fallback.as_ref()?;
        hook(snapshot, key)
    }
}

impl<V: Stored + ?Sized> Index<&str> for Snapshot<V> {
    type Output = V;

    /// The value of a key that is known to be there, or for which the `missing` hook gives a value.
    ///
    /// # Panics
    /// If there is none. [`get`](Snapshot::get) returns an `Option` instead.
    fn index(&self, key: &str) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("cache `{}`: snapshot {} has no key `{}`", self.cache, self.seq, key.escape_debug()),
        }
    }
}

impl<'a, V: Stored + ?Sized> IntoIterator for &'a Snapshot<V> {
    type Item = (&'a str, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

/// Shows which snapshot it is, and not its entries: there may be a million of them.
impl<V: Stored + ?Sized> fmt::Debug for Snapshot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("cache", &self.cache)
            .field("id", &self.id)
            .field("seq", &self.seq)
            .field("loaded_at", &self.loaded_at)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
