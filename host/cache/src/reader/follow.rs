//! Following: what leads from one snapshot to the next is applied, instead of loading all of it again.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::de::DeserializeOwned;

use super::entries::{Base, Entries};
use super::load::{Failure, TURN, typed};
use super::snapshot::Snapshot;
use kiwi_store::{Changes, Delta, Store};
use kiwi_store::{Head, Id, Name};

/// The entries of what is published, made of those that are held. `None`: not all that leads there is
/// kept, or so much has changed that loading it whole costs less.
pub(super) async fn follow<V: DeserializeOwned>(
    store: &dyn Store,
    cache: &Name,
    held: &Snapshot<V>,
) -> Result<Option<(Head, Entries<V>)>, Failure> {
    let Some(Changes { head, deltas, .. }) = store.changes(cache, held.id()).await? else { return Ok(None) };
    let mut entries = held.entries().again();
    for (count, (key, change)) in together(&deltas).into_iter().enumerate() {
        take_turns(count).await;
        match change {
            Some(json) => entries.set(key, read(cache, &head, key, json)?),
            None => entries.remove(key),
        }
    }
    let is_whole = entries.len() as u64 == head.entries && !entries.is_worn();
    Ok(is_whole.then_some((head, entries)))
}

/// Brings entries that were read while deltas were published to the last of these. They are exact then,
/// because a delta changes the data in place: what stays was read, and what does not is in a delta.
/// `None`: something else than deltas lies between the snapshots that were `seen`.
pub(super) async fn catch_up<V: DeserializeOwned>(
    store: &dyn Store,
    cache: &Name,
    seen: &[Id],
    entries: &mut Base<V>,
) -> Result<Option<Head>, Failure> {
    let Some(&first) = seen.first() else { return Ok(None) };
    let Some(Changes { head, deltas, .. }) = store.changes(cache, first).await? else { return Ok(None) };
    let mut chain = std::iter::once(first).chain(deltas.iter().map(|(id, _)| *id));
    if !seen.iter().all(|id| chain.any(|link| link == *id)) {
        return Ok(None);
    }
    for (count, (key, change)) in together(&deltas).into_iter().enumerate() {
        take_turns(count).await;
        match change {
            Some(json) => entries.insert(key, read(cache, &head, key, json)?),
            None => entries.remove(key),
        }
    }
    Ok(Some(head))
}

/// What several deltas come to: each key's last value, or none.
fn together(deltas: &[(Id, Delta)]) -> HashMap<&str, Option<&str>, RandomState> {
    let mut changes = HashMap::default();
    for (_, Delta { set, removed }) in deltas {
        changes.extend(set.iter().map(|(key, json)| (key, Some(json))));
        changes.extend(removed.iter().map(|key| (key.as_str(), None)));
    }
    changes
}

fn read<V: DeserializeOwned>(cache: &Name, head: &Head, key: &str, json: &str) -> Result<V, Failure> {
    typed(cache, key, serde_json::from_str(json)).map_err(|error| Failure::Refused(head.id, error))
}

/// Lets other tasks have their turn now and then.
pub(super) async fn take_turns(count: usize) {
    if count % TURN == TURN - 1 {
        tokio::task::yield_now().await;
    }
}
