//! Entries that were loaded as a whole.

use kiwi_store::{PARTITIONS, partition_of};

use crate::table::{self, Table};

/// Entries that were loaded as a whole: one table, or one for each partition of the keys, so that several threads can
/// fill them at the same time.
pub(crate) struct Base<V> {
    tables: Box<[Table<V>]>,
    len: usize,
}

/// Where an entry is: its table, and the place there.
#[derive(Clone, Copy)]
pub(crate) struct Place(u32, table::Place);

impl<V> Base<V> {
    pub(crate) fn new(tables: Vec<Table<V>>) -> Self {
        let len = tables.iter().map(Table::len).sum();
        Self { tables: tables.into(), len }
    }

    /// How many tables there are to be where a map is large.
    pub(crate) const TABLES: usize = PARTITIONS;

    #[inline]
    fn table_of(&self, key: &str) -> usize {
        if self.tables.len() == PARTITIONS { partition_of(key) } else { 0 }
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.tables.get(self.table_of(key))?.get(key)
    }

    #[inline]
    pub(crate) fn find(&self, key: &str) -> Option<Place> {
        let table = self.table_of(key);
        Some(Place(table as u32, self.tables.get(table)?.find(key)?))
    }

    #[inline]
    pub(crate) fn at(&self, Place(table, place): Place) -> Option<(&str, &V)> {
        self.tables.get(table as usize)?.at(place)
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
        Self::new(vec![entries.into_iter().collect()])
    }
}

/// All entries as (key, value), in the order of their tables.
pub(crate) struct Iter<'a, V> {
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
    fn entries_are_found_in_the_table_of_their_partition() {
        let keys: Vec<String> = (0..1_000).map(|n| format!("key {n}")).collect();
        let mut tables: Vec<Table<usize>> = (0..Base::<usize>::TABLES).map(|_| Table::default()).collect();
        keys.iter().enumerate().for_each(|(n, key)| tables[partition_of(key)].insert(key, n));
        let base = Base::new(tables);
        assert_eq!((base.len(), base.get("absent")), (1_000, None));
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(base.get(key), Some(&n));
            assert_eq!(base.find(key).and_then(|place| base.at(place)), Some((&**key, &n)));
        }
        assert_eq!(base.iter().collect::<BTreeMap<_, _>>().len(), 1_000);
    }
}
