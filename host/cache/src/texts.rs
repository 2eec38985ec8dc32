//! Entries whose values stay JSON text: the rows lie behind one another, and a place of eight bytes leads to each.
//!
//! | bytes of a row | what |
//! | --- | --- |
//! | 1 or more | the length of the key, LEB128 |
//! | 1 or more | the length of the value, LEB128 |
//! | some | the key, and then the value |
//!
//! A look-up reads one place, seldom more, and then one row: two waits for memory.

use bytes::Bytes;
use kiwi_store::{PARTITIONS, Root, partition_of};

use crate::table::{Hasher, MAX_SMALL_BYTES};

/// A place has the upper bits of the hash, and one more than where the row is. That of an empty one is 0.
const ROW_BITS: u32 = 40;
const EMPTY: u64 = 0;
const PLACE_BYTES: usize = 8;
/// A length has at most so many bytes.
const MAX_NUMBER: usize = 9;
/// So many of so many places are taken at most: with more, a look-up of a key that is not there takes long.
const FULL: (usize, usize) = (3, 4);

/// All entries of a map: one table, or one for each partition. What the store sends in one part is of one partition, so that a
/// thread that loads a part fills one table. A clone shares the memory.
#[derive(Clone)]
pub struct Texts {
    hasher: Hasher,
    tables: Box<[TextTable]>,
    len: usize,
}

/// One of the tables of a map. A clone shares the memory.
#[derive(Clone)]
pub(crate) struct TextTable {
    rows: Bytes,
    /// Found by the lower half of the hash; those that want the same place follow one another.
    places: Bytes,
    len: usize,
}

/// A table while a map is loaded.
pub struct Rows {
    hasher: Hasher,
    rows: Vec<u8>,
    places: Vec<u8>,
    len: usize,
}

/// The table of a key, of so many.
#[inline(always)]
pub(crate) fn table_of(key: &str, tables: usize) -> usize {
    if tables == 1 { 0 } else { partition_of(key) }
}

impl Rows {
    /// Empty tables, with room for so many entries and bytes in all: one for a small map.
    pub(crate) fn several(hasher: Hasher, is_small: bool, entries: usize, bytes: usize) -> Vec<Self> {
        let tables = if is_small { 1 } else { PARTITIONS };
        // A little more than its share: by chance, some tables get more than others.
        let share = |all: usize| all / tables / 16 * 17;
        (0..tables).map(|_| Self::with_capacity(hasher, share(entries), share(bytes + entries * 4))).collect()
    }

    /// With room for so many entries and bytes.
    pub(crate) fn with_capacity(hasher: Hasher, entries: usize, bytes: usize) -> Self {
        let places = entries / FULL.0 * FULL.1 + FULL.1;
        Self { hasher, rows: Vec::with_capacity(bytes), places: vec![0; places * PLACE_BYTES], len: 0 }
    }

    /// Adds an entry. A key that is there already keeps its value: the number of entries then shows that it came twice.
    pub(crate) fn insert(&mut self, hash: u64, key: &str, json: &str) {
        if (self.len + 1) * FULL.1 > self.places.len() / PLACE_BYTES * FULL.0 {
            self.grow();
        }
        let Err(free) = look(&self.places, &self.rows, hash, key.as_bytes()) else { return };
        set_place(&mut self.places, free, hash, self.rows.len());
        self.len += 1;
        write_number(&mut self.rows, key.len());
        write_number(&mut self.rows, json.len());
        self.rows.extend_from_slice(key.as_bytes());
        self.rows.extend_from_slice(json.as_bytes());
    }

    /// Twice the places.
    #[cold]
    fn grow(&mut self) {
        let mut places = vec![0; self.places.len() * 2];
        let mut at = 0;
        while at < self.rows.len() {
            let row = Row::at(&self.rows, at);
            let hash = self.hasher.hash(row.key());
            if let Err(free) = look(&places, &self.rows, hash, row.key) {
                set_place(&mut places, free, hash, at);
            }
            at = row.end;
        }
        self.places = places;
    }

    pub(crate) fn into_table(self) -> TextTable {
        TextTable { rows: self.rows.into(), places: self.places.into(), len: self.len }
    }
}

impl TextTable {
    /// From what [`rows`](Self::rows) and [`places`](Self::places) have given. Only what was proved may be looked into.
    pub(crate) fn new(rows: Bytes, places: Bytes, len: usize) -> Self {
        Self { rows, places, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn rows(&self) -> &[u8] {
        &self.rows
    }

    pub(crate) fn places(&self) -> &[u8] {
        &self.places
    }

    /// Whether there is a place at which a look-up can begin and end.
    pub(crate) fn has_places(&self) -> bool {
        self.places.len().is_multiple_of(PLACE_BYTES) && self.places.len() / PLACE_BYTES > self.len
    }

    /// The root of its rows, and their number. `None`: they are not rows.
    pub(crate) fn prove(&self) -> Option<(Root, usize)> {
        let (mut root, mut len, mut at) = (Root::default(), 0, 0);
        while at < self.rows.len() {
            let row = Row::checked(&self.rows, at)?;
            root.add(std::str::from_utf8(row.key).ok()?, std::str::from_utf8(row.json).ok()?);
            (len, at) = (len + 1, row.end);
        }
        Some((root, len))
    }
}

/// The row of a key, or else the free place where it belongs.
#[inline(always)]
fn look<'a>(places: &[u8], rows: &'a [u8], hash: u64, key: &[u8]) -> Result<Row<'a>, usize> {
    let (places, _) = places.as_chunks::<PLACE_BYTES>();
    let mut at = first_place(hash, places.len());
    loop {
        let place = u64::from_le_bytes(places[at]);
        if place == EMPTY {
            return Err(at);
        }
        if place >> ROW_BITS == hash >> ROW_BITS {
            let row = Row::at(rows, (place & ((1 << ROW_BITS) - 1)) as usize - 1);
            if row.key == key {
                return Ok(row);
            }
        }
        at = if at + 1 == places.len() { 0 } else { at + 1 };
    }
}

fn set_place(places: &mut [u8], at: usize, hash: u64, row: usize) {
    assert!(row < (1 << ROW_BITS) - 1, "a table of a map has more than a terabyte");
    let place = hash >> ROW_BITS << ROW_BITS | (row as u64 + 1);
    places[at * PLACE_BYTES..][..PLACE_BYTES].copy_from_slice(&place.to_le_bytes());
}

/// Where a look-up begins, of so many places.
#[inline(always)]
fn first_place(hash: u64, places: usize) -> usize {
    ((u128::from(hash as u32) * places as u128) >> 32) as usize
}

/// An entry as it is held.
struct Row<'a> {
    key: &'a [u8],
    json: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl<'a> Row<'a> {
    #[inline(always)]
    fn at(rows: &'a [u8], at: usize) -> Self {
        let (key_len, at) = read_number(rows, at);
        let (json_len, at) = read_number(rows, at);
        let (key, rest) = rows[at..].split_at(key_len);
        Self { key, json: &rest[..json_len], end: at + key_len + json_len }
    }

    /// As `at`, of what may not be rows.
    fn checked(rows: &'a [u8], at: usize) -> Option<Self> {
        let rest = &mut rows.get(at..)?;
        let [key_len, json_len] = [checked_number(rest)?, checked_number(rest)?];
        let (key, rest) = rest.split_at_checked(key_len)?;
        let (json, rest) = rest.split_at_checked(json_len)?;
        Some(Self { key, json, end: rows.len() - rest.len() })
    }

    fn key(&self) -> &'a str {
        text(self.key)
    }
}

/// A text that was written as one. To check that again costs less than to wait for it.
#[inline(always)]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("rows hold what was text")
}

#[inline(always)]
fn read_number(rows: &[u8], mut at: usize) -> (usize, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = rows[at];
        number |= usize::from(byte & 0x7f) << shift;
        at += 1;
        if byte < 0x80 {
            return (number, at);
        }
        shift += 7;
    }
}

/// As `read_number`, of what may not be a number.
fn checked_number(rest: &mut &[u8]) -> Option<usize> {
    let end = rest.iter().take(MAX_NUMBER).position(|byte| *byte < 0x80)?;
    let (number, after) = rest.split_at(end + 1);
    *rest = after;
    Some(read_number(number, 0).0)
}

fn write_number(rows: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        rows.push(number as u8 | 0x80);
        number >>= 7;
    }
    rows.push(number as u8);
}

impl Texts {
    /// From tables whose keys were hashed like this.
    pub(crate) fn new(hasher: Hasher, tables: Vec<TextTable>) -> Self {
        let len = tables.iter().map(|table| table.len).sum();
        Self { hasher, tables: tables.into(), len }
    }

    /// From entries that come one after the other: about so many, of so many bytes.
    pub(crate) fn of<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>, len: usize, bytes: usize) -> Self {
        let hasher = Hasher::default();
        let mut tables = Rows::several(hasher, bytes as u64 <= MAX_SMALL_BYTES, len, bytes);
        for (key, json) in entries {
            let table = table_of(key, tables.len());
            tables[table].insert(hasher.hash(key), key, json);
        }
        Self::new(hasher, tables.into_iter().map(Rows::into_table).collect())
    }

    /// How its keys were hashed.
    pub(crate) fn hasher(&self) -> Hasher {
        self.hasher
    }

    pub(crate) fn tables(&self) -> &[TextTable] {
        &self.tables
    }

    /// The bytes of its rows.
    pub(crate) fn bytes(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    #[inline(always)]
    pub(crate) fn find(&self, key: &str) -> Option<(&str, &str)> {
        let hash = self.hasher.hash(key);
        let table = &self.tables[table_of(key, self.tables.len())];
        let row = look(&table.places, &table.rows, hash, key.as_bytes()).ok()?;
        Some((row.key(), text(row.json)))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { rows: &[], at: 0, rest: &self.tables }
    }
}

impl<K: AsRef<str>, J: AsRef<str>> FromIterator<(K, J)> for Texts {
    fn from_iter<I: IntoIterator<Item = (K, J)>>(entries: I) -> Self {
        let hasher = Hasher::default();
        let mut rows = Rows::with_capacity(hasher, 0, 0);
        for (key, json) in entries {
            rows.insert(hasher.hash(key.as_ref()), key.as_ref(), json.as_ref());
        }
        Self::new(hasher, vec![rows.into_table()])
    }
}

/// All entries as (key, value).
pub struct Iter<'a> {
    rows: &'a [u8],
    at: usize,
    rest: &'a [TextTable],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at == self.rows.len() {
            let (next, rest) = self.rest.split_first()?;
            (self.rows, self.at, self.rest) = (&next.rows, 0, rest);
        }
        let row = Row::at(self.rows, self.at);
        self.at = row.end;
        Some((row.key(), text(row.json)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_entry_is_found_and_no_other(
            entries in prop::collection::btree_map(".{0,3}", ".{0,300}", 0..60),
            absent in prop::collection::vec(".{0,4}", 0..20),
        ) {
            let texts: Texts = entries.iter().collect();
            prop_assert_eq!(texts.len(), entries.len());
            let all: BTreeMap<_, _> = texts.iter().map(|(key, json)| (key.to_owned(), json.to_owned())).collect();
            prop_assert_eq!(&all, &entries);
            for key in entries.keys().chain(&absent) {
                let found = texts.find(key);
                prop_assert_eq!(found, entries.get_key_value(key).map(|(key, json)| (key.as_str(), json.as_str())));
            }
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_one_entry() {
        let texts: Texts = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!((texts.len(), texts.find("a")), (2, Some(("a", "1"))));
    }

    #[test]
    fn several_tables_are_one_map() {
        let hasher = Hasher::default();
        let mut rows = Rows::several(hasher, false, 100, 1_000);
        let keys: Vec<String> = (0..10_000).map(|n| format!("key {n}")).collect();
        for key in &keys {
            let table = table_of(key, rows.len());
            rows[table].insert(hasher.hash(key), key, "{}");
        }
        let texts = Texts::new(hasher, rows.into_iter().map(Rows::into_table).collect());
        assert_eq!((texts.len(), texts.iter().count()), (10_000, 10_000));
        assert!(keys.iter().all(|key| texts.find(key) == Some((key, "{}"))));
        assert_eq!(texts.find("key"), None);
    }
}
