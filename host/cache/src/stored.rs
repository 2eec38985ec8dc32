//! How a reader holds values of a type in memory: which table they are in, and how a load fills it.
//!
//! Values of a sized type are parsed, each into a place of its own beside its key. Values as `str` stay what they are in the store,
//! JSON text, and lie behind one another: see [`texts`](crate::texts).

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::base::{self, Base};
use crate::table::{Hasher, Table};
use crate::texts::{self, Rows, Texts};
use compact_str::CompactString;

/// A type of values that a reader can hold: every sized type, and `str`, which is the JSON text of each value.
///
/// It is implemented for all of them already. A function that is generic over a sized `V` need not name it.
pub trait Stored: sealed::Stored {}

impl<V> Stored for V {}
impl Stored for str {}

/// A type of values that a reader can load from a store: every one that implements [`serde::Deserialize`] without borrowing and may be
/// shared between threads, and `str`, which is the JSON text of each value.
///
/// ```no_run
/// # fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::blocking::Cache;
///
/// let airlines: Cache<str> = Cache::connect("redis://127.0.0.1:6379", "airlines")?;
/// if let Some(json) = airlines.get("FR")? {
///     println!("{}", &*json);
/// }
/// # Ok(())
/// # }
/// ```
///
/// The text takes the least memory and time to load: nothing is parsed, and an entry takes about 15 bytes more than its key and
/// value.
pub trait Value: Stored + sealed::Value {}

impl<V: DeserializeOwned + Send + Sync + 'static> Value for V {}
impl Value for str {}

pub(crate) mod sealed {
    use std::sync::Arc;

    use compact_str::CompactString;

    use crate::table::Hasher;
    use crate::texts::Texts;

    /// Where values of this type are held.
    pub trait Stored {
        /// A key as it is held.
        type Key: AsRef<str> + ?Sized;
        /// All entries of a map that was loaded as a whole.
        type Base;
        type Iter<'a>: Iterator<Item = (&'a str, &'a Self)>
        where
            Self: 'a;

        fn find<'a>(base: &'a Self::Base, key: &str) -> Option<(&'a Self::Key, &'a Self)>;
        fn len(base: &Self::Base) -> usize;
        fn iter(base: &Self::Base) -> Self::Iter<'_>;
        /// The key of an entry that is not in a base.
        fn key(key: &CompactString) -> &Self::Key;
    }

    /// How a load makes them.
    pub trait Value: super::Stored + Stored<Base: Send + Sync, Key: Sync> + Send + Sync + 'static {
        /// Whether the values are held as text.
        const IS_TEXT: bool;

        /// One of several tables that threads fill at the same time.
        type Table: Send;
        /// An entry before its table is locked.
        type Parsed<'a>;

        /// Empty tables with room for so many entries and bytes in all: one table for a small map.
        fn empty(hasher: Hasher, is_small: bool, entries: usize, bytes: usize) -> Vec<Self::Table>;
        /// The table of a key with this hash, of so many.
        fn table_of(key: &str, hash: u64, tables: usize) -> usize;
        fn parse<'a>(key: &'a str, json: &'a str) -> serde_json::Result<Self::Parsed<'a>>;
        fn insert(table: &mut Self::Table, hash: u64, parsed: Self::Parsed<'_>);
        fn base(hasher: Hasher, tables: Vec<Self::Table>) -> Self::Base;
        /// The entries of a copy on disk.
        ///
        /// # Errors
        /// The value of this key is not of the type.
        fn of_texts(texts: Texts) -> Result<Self::Base, (String, serde_json::Error)>;
        /// The entries as text, if they are held as that.
        fn texts(base: &Self::Base) -> Option<&Texts>;
        /// A value as text, if it is held as that.
        fn text(&self) -> Option<&str>;
        /// A value that is not in a base.
        fn parse_alone(json: &str) -> serde_json::Result<Arc<Self>>;
    }
}

impl<V> sealed::Stored for V {
    type Key = CompactString;
    type Base = Base<V>;
    type Iter<'a>
        = base::Iter<'a, V>
    where
        V: 'a;

    #[inline(always)]
    fn find<'a>(base: &'a Base<V>, key: &str) -> Option<(&'a CompactString, &'a V)> {
        base.find(key)
    }

    fn len(base: &Base<V>) -> usize {
        base.len()
    }

    fn iter(base: &Base<V>) -> Self::Iter<'_> {
        base.iter()
    }

    fn key(key: &CompactString) -> &CompactString {
        key
    }
}

impl<V: DeserializeOwned + Send + Sync + 'static> sealed::Value for V {
    const IS_TEXT: bool = false;

    type Table = Table<V>;
    type Parsed<'a> = (CompactString, V);

    fn empty(hasher: Hasher, is_small: bool, entries: usize, _: usize) -> Vec<Table<V>> {
        let (tables, capacity) = if is_small { (1, entries) } else { base::tables_for(entries) };
        (0..tables).map(|_| Table::new(hasher, capacity)).collect()
    }

    fn table_of(_: &str, hash: u64, tables: usize) -> usize {
        base::table_of(hash, tables)
    }

    fn parse<'a>(key: &'a str, json: &'a str) -> serde_json::Result<Self::Parsed<'a>> {
        Ok((key.into(), serde_json::from_str(json)?))
    }

    fn insert(table: &mut Table<V>, hash: u64, (key, value): Self::Parsed<'_>) {
        table.insert_hashed(hash, key, value);
    }

    fn base(hasher: Hasher, tables: Vec<Table<V>>) -> Base<V> {
        Base::new(hasher, tables)
    }

    fn of_texts(texts: Texts) -> Result<Base<V>, (String, serde_json::Error)> {
        let hasher = Hasher::default();
        let mut tables = Self::empty(hasher, texts.len() < 1_000, texts.len(), 0);
        for (key, json) in texts.iter() {
            let (hash, parsed) = (hasher.hash(key), Self::parse(key, json).map_err(|error| (key.to_owned(), error))?);
            let table = base::table_of(hash, tables.len());
            Self::insert(&mut tables[table], hash, parsed);
        }
        Ok(Base::new(hasher, tables))
    }

    fn texts(_: &Base<V>) -> Option<&Texts> {
        None
    }

    fn text(&self) -> Option<&str> {
        None
    }

    fn parse_alone(json: &str) -> serde_json::Result<Arc<V>> {
        serde_json::from_str(json).map(Arc::new)
    }
}

impl sealed::Stored for str {
    type Key = str;
    type Base = Texts;
    type Iter<'a> = texts::Iter<'a>;

    #[inline(always)]
    fn find<'a>(base: &'a Texts, key: &str) -> Option<(&'a str, &'a str)> {
        base.find(key)
    }

    fn len(base: &Texts) -> usize {
        base.len()
    }

    fn iter(base: &Texts) -> Self::Iter<'_> {
        base.iter()
    }

    fn key(key: &CompactString) -> &str {
        key
    }
}

impl sealed::Value for str {
    const IS_TEXT: bool = true;

    type Table = Rows;
    type Parsed<'a> = (&'a str, &'a str);

    fn empty(hasher: Hasher, is_small: bool, entries: usize, bytes: usize) -> Vec<Rows> {
        Rows::several(hasher, is_small, entries, bytes)
    }

    fn table_of(key: &str, _: u64, tables: usize) -> usize {
        texts::table_of(key, tables)
    }

    /// It is JSON already: whoever has published it has checked that, and the root proves that it is the same.
    fn parse<'a>(key: &'a str, json: &'a str) -> serde_json::Result<Self::Parsed<'a>> {
        Ok((key, json))
    }

    fn insert(rows: &mut Rows, hash: u64, (key, json): Self::Parsed<'_>) {
        rows.insert(hash, key, json);
    }

    fn base(hasher: Hasher, tables: Vec<Rows>) -> Texts {
        Texts::new(hasher, tables.into_iter().map(Rows::into_table).collect())
    }

    fn of_texts(texts: Texts) -> Result<Texts, (String, serde_json::Error)> {
        Ok(texts)
    }

    fn texts(base: &Texts) -> Option<&Texts> {
        Some(base)
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }

    fn parse_alone(json: &str) -> serde_json::Result<Arc<str>> {
        Ok(json.into())
    }
}
