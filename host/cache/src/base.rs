//! Entries that were loaded as a whole.

use compact_str::CompactString;

use crate::table::{self, Hasher, Table};

/// Entries that were loaded as a whole: one table, or several, so that several threads can fill them at the same time.
pub struct Base<V> {
    /// How all of the tables hash: here, so that a read need not wait for a table to know which one it needs.
    hasher: Hasher,
    tables: Box<[Table<V>]>,
    len: usize,
}

/// The most tables that a map has. Several threads then seldom want the same one.
const MAX_TABLES: usize = 128;

/// How many tables a map of so many entries is divided into, and for how many entries each has room.
///
/// A table has a power of two of places and is full when seven eighths are taken; then it has twice as many. With one
/// table, or a fixed number, a map could use half of the places. So the places are given, and the number of tables
/// follows: each is 82 % full, a little more or less by chance.
pub(crate) fn tables_for(entries: usize) -> (usize, usize) {
    let filled = |places: usize| places / 100 * 82;
    let mut places = 1_024;
    while entries.div_ceil(filled(places)) > MAX_TABLES {
        places *= 2;
    }
    (entries.div_ceil(filled(places)).max(1), places / 8 * 7)
}

/// The table of a key with this hash, of so many: by bits of it that the tables do not use themselves.
#[inline]
pub(crate) fn table_of(hash: u64, tables: usize) -> usize {
    let bits = u64::from((hash >> 24) as u32);
    ((bits * tables as u64) >> 32) as usize
}

impl<V> Base<V> {
    /// From tables that hash keys like this.
    pub(crate) fn new(hasher: Hasher, tables: Vec<Table<V>>) -> Self {
        let len = tables.iter().map(Table::len).sum();
        Self { hasher, tables: tables.into(), len }
    }

    /// The entry of a key, if there is one: the key as it is stored here, and the value.
    #[inline]
    pub(crate) fn find(&self, key: &str) -> Option<(&CompactString, &V)> {
        let hash = self.hasher.hash(key);
        self.tables[table_of(hash, self.tables.len())].find_hashed(hash, key)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> Iter<'_, V> {
        let (first, rest) =
            self.tables.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first.iter()), rest));
        Iter { current: first, rest }
    }
}

impl<K: AsRef<str>, V> FromIterator<(K, V)> for Base<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let table: Table<V> = entries.into_iter().collect();
        Self::new(table.hasher(), vec![table])
    }
}

/// The entries of a copy that never changes.
pub(crate) fn fixed_base<K: Into<Box<str>>, V>(entries: impl IntoIterator<Item = (K, V)>) -> Base<V> {
    entries.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

/// All entries as (key, value), in the order of their tables.
pub struct Iter<'a, V> {
    current: Option<table::Iter<'a, V>>,
    rest: &'a [Table<V>],
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a str, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.current.as_mut()?.next() {
                return Some(entry);
            }
            let (next, rest) = self.rest.split_first()?;
            (self.current, self.rest) = (Some(next.iter()), rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn few_places_stay_empty() {
        assert_eq!((tables_for(0), tables_for(800)), ((1, 896), (1, 896)));
        for entries in [5_000, 100_000, 1_000_000, 1_150_000, 30_000_000] {
            let (tables, capacity) = tables_for(entries);
            let places = tables * capacity * 8 / 7;
            assert!(tables <= MAX_TABLES && places < entries * 3 / 2, "{places} places in {tables} for {entries}");
        }
        // None of them grows.
        let (tables, capacity) = tables_for(1_000_000);
        let mut lens = vec![0; tables];
        let hasher = Hasher::default();
        (0..1_000_000).for_each(|n: u32| lens[table_of(hasher.hash(&n.to_string()), tables)] += 1);
        assert!(lens.iter().all(|len| *len < capacity), "{lens:?}, of {capacity}");
    }

    #[test]
    fn entries_are_found_in_the_table_of_their_hash() {
        let keys: Vec<String> = (0..1_000).map(|n| format!("key {n}")).collect();
        let hasher = Hasher::default();
        let mut tables: Vec<Table<usize>> = (0..61).map(|_| Table::new(hasher, 0)).collect();
        for (n, key) in keys.iter().enumerate() {
            let hash = hasher.hash(key);
            tables[table_of(hash, 61)].insert(key, n);
        }
        assert!(tables.iter().all(|table| table.len() < 100), "they are spread");
        let base = Base::new(hasher, tables);
        assert_eq!((base.len(), base.find("absent")), (1_000, None));
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(base.find(key), Some((&key.into(), &n)));
        }
        assert_eq!(base.iter().collect::<BTreeMap<_, _>>().len(), 1_000);
    }
}
