//! A whole load: all entries of one snapshot, and of no other.
//!
//! The parts of a large map are unpacked and parsed in several threads while the store sends more of them. All of them
//! together prove that they are the map: their number and their root are those of its head.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::deltas::yield_now_and_then;
use crate::entries::Entries;
use crate::failure::{LoadFailure, no_data, wrong_value};
use crate::stored::{Stored, Value};
use crate::table::{Hasher, MAX_SMALL_BYTES};
use kiwi_store::{Batch, Error, ErrorKind, Head, Name, Part, Presence, Result, Root, Store, Whole};

/// How often a load is tried: another snapshot may be published while it runs, or a part be read damaged.
const ATTEMPTS: usize = 3;
/// For how many entries memory is reserved before any of them was read: the store's figure may be wrong.
const MAX_RESERVED_ENTRIES: u64 = 4 << 20;
/// And for how many bytes.
const MAX_RESERVED_BYTES: u64 = 512 << 20;
/// How many parts are in memory beside the map, whatever the number of processors.
const MAX_THREADS: usize = 8;

/// What of a map is kept when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Values,
    /// The values, and the text that they were parsed from.
    ValuesAndText,
}

/// A map that was loaded.
pub(crate) struct Loaded<V: Stored + ?Sized> {
    pub(crate) head: Head,
    pub(crate) entries: Entries<V>,
    /// Empty unless `Keep::ValuesAndText` was asked for.
    pub(crate) text: Vec<Batch>,
}

/// Loads the whole map that was just seen, or the one that has replaced it.
pub(crate) async fn load<V: Value + ?Sized>(
    store: &Arc<dyn Store>,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Loaded<V>, LoadFailure> {
    for _ in 1..ATTEMPTS {
        match load_once(&**store, cache, seen, keep).await {
            Err(LoadFailure::Failed(error)) if may_be_another_time(&error) => {}
            loaded => return loaded,
        }
    }
    load_once(&**store, cache, seen, keep).await
}

/// Whether the same load may work at once: what it read was replaced, or damaged on its way.
fn may_be_another_time(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Missing | ErrorKind::Value)
}

async fn load_once<V: Value + ?Sized>(
    store: &dyn Store,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Loaded<V>, LoadFailure> {
    let Some(mut whole) = store.whole(cache).await? else { return Err(no_data(store, cache, seen).into()) };
    let load = Load::new(cache, whole.head(), keep);
    if whole.head().bytes <= MAX_SMALL_BYTES {
        load_here(&mut whole, load).await
    } else {
        load_in_threads(&mut whole, load).await
    }
}

/// Parses one part after the other in this task.
async fn load_here<V: Value + ?Sized>(whole: &mut Whole, load: Load<V>) -> Result<Loaded<V>, LoadFailure> {
    while let Some(part) = whole.next().await {
        let (batch, root) = part?.unpack().map_err(|error| error.of(&load.cache))?;
        for (count, (key, json)) in batch.iter().enumerate() {
            yield_now_and_then(count).await;
            let parsed = load.parse(key, json)?;
            V::insert(&mut load.table(0), load.hasher.hash(key), parsed);
        }
        load.sum(root, batch);
    }
    load.finish(whole)
}

/// Parses several parts at the same time, each in a thread that may be kept busy.
async fn load_in_threads<V: Value + ?Sized>(whole: &mut Whole, load: Load<V>) -> Result<Loaded<V>, LoadFailure> {
    let (load, threads) =
        (Arc::new(load), std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS));
    let mut parsing = JoinSet::new();
    while let Some(part) = whole.next().await {
        let (part, load) = (part?, Arc::clone(&load));
        parsing.spawn_blocking(move || load.add(part));
        if parsing.len() > threads {
            added(parsing.join_next().await)?;
        }
    }
    while !parsing.is_empty() {
        added(parsing.join_next().await)?;
    }
    drop(parsing);
    let Some(load) = Arc::into_inner(load) else {
        return Err(Error::unavailable("a thread still parses what was loaded").into());
    };
    load.finish(whole)
}

/// What a thread came to. A panic of the service's `Deserialize` goes on in this task.
fn added(joined: Option<Result<Result<(), LoadFailure>, tokio::task::JoinError>>) -> Result<(), LoadFailure> {
    match joined {
        None => Ok(()),
        Some(Ok(added)) => added,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(Error::unavailable("the runtime is shutting down").into()),
        },
    }
}

/// A load in progress, to which several threads add parts.
struct Load<V: Value + ?Sized> {
    cache: Name,
    head: Head,
    /// How the tables hash.
    hasher: Hasher,
    tables: Vec<Mutex<V::Table>>,
    keep: Keep,
    sum: Mutex<Sum>,
}

/// What was read so far.
#[derive(Default)]
struct Sum {
    root: Root,
    entries: u64,
    text: Vec<Batch>,
}

impl<V: Value + ?Sized> Load<V> {
    fn new(cache: &Name, head: &Head, keep: Keep) -> Self {
        let entries = head.entries.min(MAX_RESERVED_ENTRIES) as usize;
        let (hasher, bytes) = (Hasher::default(), head.bytes.min(MAX_RESERVED_BYTES) as usize);
        let tables = V::empty(hasher, head.bytes <= MAX_SMALL_BYTES, entries, bytes);
        let tables = tables.into_iter().map(Mutex::new).collect();
        Self { cache: cache.clone(), head: head.clone(), hasher, tables, keep, sum: Mutex::default() }
    }

    fn parse<'a>(&self, key: &'a str, json: &'a str) -> Result<V::Parsed<'a>, LoadFailure> {
        let refused = |error| LoadFailure::Refused(self.head.id, wrong_value::<V>(&self.cache, key, error));
        V::parse(key, json).map_err(refused)
    }

    fn add(&self, part: Part) -> Result<(), LoadFailure> {
        let (batch, root) = part.unpack().map_err(|error| error.of(&self.cache))?;
        let tables = self.tables.len();
        let mut parsed: Vec<Vec<(u64, V::Parsed<'_>)>> = (0..tables).map(|_| Vec::new()).collect();
        for (key, json) in batch.iter() {
            let hash = self.hasher.hash(key);
            parsed[V::table_of(key, hash, tables)].push((hash, self.parse(key, json)?));
        }
        // Each table is locked once for a part, and several threads seldom want the same one.
        for (table, parsed) in parsed.into_iter().enumerate().filter(|(_, parsed)| !parsed.is_empty()) {
            let mut table = self.table(table);
            parsed.into_iter().for_each(|(hash, parsed)| V::insert(&mut table, hash, parsed));
        }
        self.sum(root, batch);
        Ok(())
    }

    fn table(&self, table: usize) -> std::sync::MutexGuard<'_, V::Table> {
        // A poisoned lock is fine here: the panic ends the load.
        self.tables[table].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sum(&self, root: Root, batch: Batch) {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.root.add_part(root);
        sum.entries += batch.len() as u64;
        if self.keep == Keep::ValuesAndText {
            sum.text.push(batch);
        }
    }

    /// The map, if what was read is all of it.
    fn finish(self, whole: &Whole) -> Result<Loaded<V>, LoadFailure> {
        let Self { cache, head, hasher, tables, sum, .. } = self;
        let Sum { root, entries, text } = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        let tables = tables.into_iter().map(|table| table.into_inner().unwrap_or_else(PoisonError::into_inner));
        let base = V::base(hasher, tables.collect());
        // A key that came twice is one entry of the base.
        if !whole.is_proven_by(root, entries) || V::len(&base) as u64 != entries {
            return Err(whole.not_proven().of(&cache).into());
        }
        Ok(Loaded { head, entries: Entries::new(base), text })
    }
}
