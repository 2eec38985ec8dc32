//! One whole map of one load, in memory.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;
use std::time::SystemTime;

use super::entries::{Entries, Iter};
use super::missing::{Hook, Missing};
use kiwi_store::{Head, Id, Name};

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
/// for (code, name) in &*snapshot {
///     println!("{code}: {name}");
/// }
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Snapshot<V> {
    cache: Name,
    id: Id,
    seq: u64,
    loaded_at: SystemTime,
    entries: Arc<Entries<V>>,
    missing: Option<Missing<V>>,
}

impl<V> Snapshot<V> {
    pub(super) fn new(cache: Name, head: &Head, entries: Entries<V>, hook: Option<Hook<V>>) -> Self {
        let entries = Arc::new(entries);
        let plain = Self { cache, id: head.id, seq: head.seq, loaded_at: head.loaded_at, entries, missing: None };
        let Some(hook) = hook else { return plain };
        Self {
            cache: plain.cache.clone(),
            id: plain.id,
            seq: plain.seq,
            loaded_at: plain.loaded_at,
            entries: Arc::clone(&plain.entries),
            missing: Some(Missing { hook, plain: Box::new(plain) }),
        }
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

    /// Its number, for people: one more than the one before. It may come back after a restore.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was published, by the store's clock.
    #[must_use]
    pub fn loaded_at(&self) -> SystemTime {
        self.loaded_at
    }

    /// The value of a key, or what the `missing` hook gives for it ([`Builder::missing`](super::Builder::missing)).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        match self.entries.get(key) {
            None => self.stand_in(key),
            found => found,
        }
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

    /// Whether it has no entries: its loader found none, and that was allowed.
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

    /// All entries, in an order that is the same each time for one snapshot and means nothing.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, V> {
        self.entries.iter()
    }

    #[inline]
    pub(super) fn entries(&self) -> &Entries<V> {
        &self.entries
    }

    /// What the `missing` hook gives for a key that is not there.
    pub(super) fn stand_in(&self, key: &str) -> Option<&V> {
        self.missing.as_ref()?.value(key)
    }
}

impl<V> Index<&str> for Snapshot<V> {
    type Output = V;

    /// The value of a key that is known to be there, or for which the `missing` hook has one.
    ///
    /// # Panics
    /// When there is none; [`get`](Snapshot::get) asks.
    fn index(&self, key: &str) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("cache `{}`: snapshot {} has no key `{}`", self.cache, self.seq, key.escape_debug()),
        }
    }
}

impl<'a, V> IntoIterator for &'a Snapshot<V> {
    type Item = (&'a str, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

/// Says which snapshot it is; its entries, which may be a million, are not shown.
impl<V> fmt::Debug for Snapshot<V> {
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
