//! A map from keys to values whose look-ups touch as little memory as possible.

use std::hash::{BuildHasher, RandomState};

use compact_str::CompactString;
use hashbrown::hash_table::{Entry, HashTable};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A map of up to so many bytes is one table, and parsed at once: that takes less time than to start a thread for each of its
/// parts.
pub(crate) const MAX_SMALL_BYTES: u64 = 128 << 10;

/// A map from keys to values, in arbitrary order.
///
/// In a large map a look-up waits for memory and for nothing else. So keys of up to 24 bytes are stored beside
/// their values.
#[derive(Clone)]
pub struct Table<T> {
    entries: HashTable<(CompactString, T)>,
    hasher: Hasher,
}

/// How tables hash keys: by a seed, so that nobody can choose keys that collide.
#[derive(Clone, Copy)]
pub struct Hasher {
    seed: u64,
}

impl Hasher {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self { seed }
    }

    pub(crate) fn seed(self) -> u64 {
        self.seed
    }

    #[inline]
    pub(crate) fn hash(&self, key: &str) -> u64 {
        xxh3_64_with_seed(key.as_bytes(), self.seed)
    }
}

impl Default for Hasher {
    /// With a seed of its own.
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }
}

/// All entries as (key, value). The order stays the same until the table changes.
pub(crate) struct Iter<'a, T>(hashbrown::hash_table::Iter<'a, (CompactString, T)>);

impl<T> Table<T> {
    /// An empty one, with room for so many entries, that hashes keys like this.
    pub(crate) fn new(hasher: Hasher, entries: usize) -> Self {
        Self { entries: HashTable::with_capacity(entries), hasher }
    }

    /// How it hashes keys.
    pub(crate) fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// The entry of a key, if there is one: the key as it is stored here, and the value.
    #[inline]
    pub(crate) fn find(&self, key: &str) -> Option<(&CompactString, &T)> {
        self.find_hashed(self.hasher.hash(key), key)
    }

    #[inline]
    pub(crate) fn find_hashed(&self, hash: u64, key: &str) -> Option<(&CompactString, &T)> {
        self.entries.find(hash, |(found, _)| found == key).map(|(key, value)| (key, value))
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter(self.entries.iter())
    }

    /// Adds an entry, or replaces its value.
    pub(crate) fn insert(&mut self, key: &str, value: T) {
        self.insert_hashed(self.hasher.hash(key), key.into(), value);
    }

    pub(crate) fn insert_hashed(&mut self, hash: u64, key: CompactString, value: T) {
        let Self { entries, hasher } = self;
        let same_key = |(found, _): &(CompactString, T)| *found == key;
        match entries.entry(hash, same_key, |(key, _)| hasher.hash(key)) {
            Entry::Occupied(entry) => entry.into_mut().1 = value,
            Entry::Vacant(place) => drop(place.insert((key, value))),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new(Hasher::default(), 0)
    }
}

impl<K: AsRef<str>, T> FromIterator<(K, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut table = Self::new(Hasher::default(), entries.size_hint().0);
        entries.for_each(|(key, value)| table.insert(key.as_ref(), value));
        table
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (&'a str, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value))
    }
}
