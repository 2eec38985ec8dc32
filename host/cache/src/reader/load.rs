//! A whole load: all entries of one snapshot, and of no other.
//!
//! A map is read in chunks, so that the store never stalls; another one may be published meanwhile.
//! Each chunk says which snapshot it belongs to, so a mixture shows: where deltas lead from one to the
//! other they are applied, and else the load starts again.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::entries::{Base, Entries};
use super::follow::{catch_up, take_turns};
use kiwi_store::{Batch, Error, Head, Id, Name, Presence, Result};
use kiwi_store::{Chunk, Scan, Store};

/// Up to here a map is read in one step: it is over before anybody notices.
const SMALL: u64 = 5_000;
/// How often a load in chunks starts again before it takes one long step instead.
const RESTARTS: usize = 2;
/// How many values are parsed before other tasks get their turn.
pub(super) const TURN: usize = 500;
/// For how many entries room is made before any of them is there: what a store claims is not proof.
const MOST_ROOM: u64 = 4 << 20;
/// How many chunks are fetched before they are parsed.
const CHUNKS_AHEAD: usize = 2;

/// Why a load came to nothing.
pub(super) enum Failure {
    /// A value of this snapshot is not of the reader's type.
    Refused(Id, Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What to say of a cache whose data is not there.
pub(super) fn absent(store: &dyn Store, cache: &Name, presence: &Presence) -> Error {
    let location = store.location();
    let message = match presence {
        Presence::Missing => format!(
            "no snapshot of it is in {location}: start a host that publishes it with `kiwi-host run`, or see what is \
             there with `kiwi-host status`"
        ),
        Presence::Lost(head) => format!(
            "snapshot {} in {location} is lost: some of its {} entries were deleted, evicted or overwritten; its host \
             loads it again (`kiwi-host status` shows when)",
            head.seq, head.entries
        ),
        // Whole or foreign, so it went away in the meantime.
        _ => {
            format!("it went away while it was read from {location}: `kiwi-host status` shows when it comes back")
        }
    };
    Error::missing(message).of(cache)
}

/// What of a map is kept when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Values,
    /// The text they were parsed from, too.
    Text,
}

/// A map that was loaded.
pub(super) struct Loaded<V> {
    pub(super) head: Head,
    pub(super) entries: Entries<V>,
    /// Empty unless it was to be kept.
    pub(super) text: Vec<Batch>,
}

/// Loads the whole map that was just seen, or the one that has replaced it.
pub(super) async fn load<V: DeserializeOwned>(
    store: &Arc<dyn Store>,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Loaded<V>, Failure> {
    // How many entries a foreign record has is not known before it is read, in one step anyway.
    let entries = seen.whole().map_or(0, |head| head.entries);
    if entries > SMALL {
        for _ in 0..=RESTARTS {
            if let Some(loaded) = load_in_chunks(store, cache, seen, keep).await? {
                return Ok(loaded);
            }
        }
    }
    let mut load = Load::new(&**store, cache, seen, keep);
    load.add(store.scan(cache, Scan::Whole).await?).await?;
    load.finish().await?.ok_or_else(|| absent(&**store, cache, seen).into())
}

/// One try. `None`: another snapshot was published meanwhile, or entries are lacking.
async fn load_in_chunks<V: DeserializeOwned>(
    store: &Arc<dyn Store>,
    cache: &Name,
    seen: &Presence,
    keep: Keep,
) -> Result<Option<Loaded<V>>, Failure> {
    let mut load = Load::new(&**store, cache, seen, keep);
    let (fetched, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    // A task of its own, which ends with this: the store gathers the next chunks while one is parsed.
    let mut fetching = JoinSet::new();
    fetching.spawn(fetch(Arc::clone(store), cache.clone(), fetched));
    while let Some(chunk) = chunks.recv().await {
        load.add(chunk?).await?;
    }
    load.finish().await
}

/// Asks for one chunk after the other, until the last one or the first that fails.
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

/// A load under way.
struct Load<'a, V> {
    store: &'a dyn Store,
    cache: &'a Name,
    seen: &'a Presence,
    /// The head that the last chunk came with.
    head: Option<Head>,
    /// The snapshots that the chunks belong to, one after the other.
    snapshots: Vec<Id>,
    entries: Base<V>,
    keep: Keep,
    text: Vec<Batch>,
}

impl<'a, V: DeserializeOwned> Load<'a, V> {
    fn new(store: &'a dyn Store, cache: &'a Name, seen: &'a Presence, keep: Keep) -> Self {
        let room = seen.whole().map_or(0, |head| head.entries.min(MOST_ROOM) as usize);
        let entries = Base::with_capacity(room);
        Self { store, cache, seen, head: None, snapshots: Vec::new(), entries, keep, text: Vec::new() }
    }

    /// Parses and adds a chunk.
    async fn add(&mut self, chunk: Chunk) -> Result<(), Failure> {
        let Some(head) = chunk.head else {
            return Err(absent(self.store, self.cache, self.seen).into());
        };
        for (count, (key, json)) in chunk.entries.iter().enumerate() {
            take_turns(count).await;
            let value = typed(self.cache, key, serde_json::from_str(json));
            let value = value.map_err(|error| Failure::Refused(head.id, error))?;
            self.entries.insert(key, value);
        }
        if self.snapshots.last() != Some(&head.id) {
            self.snapshots.push(head.id);
        }
        if self.keep == Keep::Text {
            self.text.push(chunk.entries);
        }
        self.head = Some(head);
        Ok(())
    }

    /// What was read, if it is one snapshot or can be brought to one.
    async fn finish(mut self) -> Result<Option<Loaded<V>>, Failure> {
        let head = match &self.snapshots[..] {
            [_] => self.head,
            // What a delta removes would stay in the text.
            _ if self.keep == Keep::Text => None,
            several => catch_up(self.store, self.cache, several, &mut self.entries).await?,
        };
        let Some(head) = head else { return Ok(None) };
        let is_whole = self.entries.len() as u64 == head.entries;
        Ok(is_whole.then(|| Loaded { head, entries: Entries::new(self.entries), text: self.text }))
    }
}

/// One value as the reader's type, or what is wrong with it.
pub(super) fn typed<V>(cache: &Name, key: &str, parsed: serde_json::Result<V>) -> Result<V> {
    parsed.map_err(|error| {
        Error::value(format!(
            "the value of key `{}` is no `{}`: {error}; change the type, or what the loader gives",
            key.escape_debug(),
            std::any::type_name::<V>(),
        ))
        .of(cache)
    })
}
