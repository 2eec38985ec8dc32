//! A whole load: all entries of one snapshot, and of no other.
//!
//! A map is read in chunks, so that the store never stalls. Another snapshot may be published meanwhile, so
//! each chunk says which snapshot it belongs to: where deltas lead from one to the other they are applied, and
//! otherwise the load starts again.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::deltas::{catch_up, yield_now_and_then};
use crate::entries::{Base, Entries};
use crate::failure::{LoadFailure, no_data, wrong_value};
use kiwi_store::{Batch, Chunk, Head, Id, Name, Presence, Result, Scan, Store};

/// A map of up to so many entries is read in one step, which is too short for other clients to notice.
const MAX_ENTRIES_IN_ONE_STEP: u64 = 5_000;
/// How often a load in chunks starts again before it takes one long step instead.
const MAX_RESTARTS: usize = 2;
/// For how many entries memory is reserved before any of them was read: the store's figure may be wrong.
const MAX_RESERVED_ENTRIES: u64 = 4 << 20;
/// How many chunks are prefetched while one is parsed.
const PREFETCHED_CHUNKS: usize = 2;

/// What of a map is kept when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Values,
    /// The values, and the text that they were parsed from.
    ValuesAndText,
}

/// A map that was loaded.
pub(crate) struct Loaded<V> {
    pub(crate) head: Head,
    pub(crate) entries: Entries<V>,
    /// Empty unless `Keep::ValuesAndText` was asked for.
    pub(crate) text: Vec<Batch>,
}

/// Loads the whole map that was just seen, or the one that has replaced it.
pub(crate) async fn load<V: DeserializeOwned>(
    store: &Arc<dyn Store>,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Loaded<V>, LoadFailure> {
    // A foreign record does not say how many entries it has, and is read in one step anyway.
    let entries = seen.whole().map_or(0, |head| head.entries);
    if entries > MAX_ENTRIES_IN_ONE_STEP {
        for _ in 0..=MAX_RESTARTS {
            if let Some(loaded) = load_in_chunks(store, cache, seen, keep).await? {
                return Ok(loaded);
            }
        }
    }
    let mut load = Load::new(&**store, cache, seen, keep);
    load.add(store.scan(cache, Scan::Whole).await?).await?;
    load.finish().await?.ok_or_else(|| no_data(&**store, cache, seen).into())
}

/// One attempt. `None`: another snapshot was published meanwhile, or entries are missing.
async fn load_in_chunks<V: DeserializeOwned>(
    store: &Arc<dyn Store>,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Option<Loaded<V>>, LoadFailure> {
    let mut load = Load::new(&**store, cache, seen, keep);
    let (fetched, mut chunks) = mpsc::channel(PREFETCHED_CHUNKS);
    // The store reads the next chunks while this task parses one. The set ends the fetching task when it is dropped.
    let mut fetching = JoinSet::new();
    fetching.spawn(fetch(Arc::clone(store), cache.clone(), fetched));
    while let Some(chunk) = chunks.recv().await {
        load.add(chunk?).await?;
    }
    load.finish().await
}

/// Requests one chunk after the other, until the last one or the first that fails.
async fn fetch(store: Arc<dyn Store>, cache: Name, fetched: mpsc::Sender<Result<Chunk>>) {
    let mut scan = Scan::First;
    loop {
        let mut chunk = store.scan(&cache, scan).await;
        let next = chunk.as_mut().ok().and_then(|chunk| chunk.next.take());
        if fetched.send(chunk).await.is_err() {
            return;
        }
        match next {
            Some(cursor) => scan = Scan::Next(cursor),
            None => return,
        }
    }
}

/// A load in progress.
struct Load<'a, V> {
    store: &'a dyn Store,
    cache: &'a Name,
    seen: &'a Presence,
    /// The head of the last chunk.
    head: Option<Head>,
    /// The snapshots that the chunks belong to, in the order of the chunks.
    snapshots: Vec<Id>,
    entries: Base<V>,
    keep: Keep,
    text: Vec<Batch>,
}

impl<'a, V: DeserializeOwned> Load<'a, V> {
    fn new(store: &'a dyn Store, cache: &'a Name, seen: &'a Presence, keep: Keep) -> Self {
        let capacity = seen.whole().map_or(0, |head| head.entries.min(MAX_RESERVED_ENTRIES) as usize);
        let entries = Base::with_capacity(capacity);
        Self { store, cache, seen, head: None, snapshots: Vec::new(), entries, keep, text: Vec::new() }
    }

    /// Parses and adds a chunk.
    async fn add(&mut self, chunk: Chunk) -> Result<(), LoadFailure> {
        let Some(head) = chunk.head else {
            return Err(no_data(self.store, self.cache, self.seen).into());
        };
        for (count, (key, json)) in chunk.entries.iter().enumerate() {
            yield_now_and_then(count).await;
            let value = serde_json::from_str(json)
                .map_err(|error| LoadFailure::Refused(head.id, wrong_value::<V>(self.cache, key, error)))?;
            self.entries.insert(key, value);
        }
        if self.snapshots.last() != Some(&head.id) {
            self.snapshots.push(head.id);
        }
        if self.keep == Keep::ValuesAndText {
            self.text.push(chunk.entries);
        }
        self.head = Some(head);
        Ok(())
    }

    /// What was read, if it is one snapshot or deltas make it one.
    async fn finish(mut self) -> Result<Option<Loaded<V>>, LoadFailure> {
        let head = match &self.snapshots[..] {
            [_] => self.head,
            // The text cannot follow: what a delta removes would stay in it.
            _ if self.keep == Keep::ValuesAndText => None,
            several => catch_up(self.store, self.cache, several, &mut self.entries).await?,
        };
        let Some(head) = head else { return Ok(None) };
        let is_whole = self.entries.len() as u64 == head.entries;
        Ok(is_whole.then(|| Loaded { head, entries: Entries::new(self.entries), text: self.text }))
    }
}
