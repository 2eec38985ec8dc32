//! Deltas: a reader that is one or more deltas behind applies these, instead of loading the whole map again.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::entries::Entries;
use crate::failure::{LoadFailure, wrong_value};
use crate::feed::ChangedKeys;
use crate::snapshot::Snapshot;
use crate::stored::Value;
use kiwi_store::{Changes, Delta, Error, Head, Id, Name, Store};

/// How many values are parsed before other tasks get their turn.
const YIELD_INTERVAL: usize = 500;

/// Applies the deltas that lead from what is held to what is published. `None`: not all of them are kept or can be read, or
/// so much has changed that loading the whole map costs less.
pub(crate) async fn follow<V: Value + ?Sized>(
    store: &dyn Store,
    cache: &Name,
    held: &Snapshot<V>,
) -> Result<Option<(Entries<V>, Arc<Changes>)>, LoadFailure> {
    let changes = match store.changes(cache, held.id()).await {
        Err(error) if are_unreadable(&error) => return Ok(None),
        changes => changes?,
    };
    let Some(changes) = changes else { return Ok(None) };
    let entries = apply(cache, held, &changes).await?;
    Ok(entries.map(|entries| (entries, Arc::new(changes))))
}

/// Whether deltas are there and cannot be read. The whole map may do without them: it may have been repacked since.
pub(crate) fn are_unreadable(error: &Error) -> bool {
    error.is_value() || error.is_newer_format()
}

/// Applies deltas that lead on from what is held. `None`: what comes out is not what their head describes, or loading the
/// whole map costs less.
pub(crate) async fn apply<V: Value + ?Sized>(
    cache: &Name,
    held: &Snapshot<V>,
    changes: &Changes,
) -> Result<Option<Entries<V>>, LoadFailure> {
    let Changes { head, deltas, .. } = changes;
    let mut entries = held.entries().fork();
    for (count, (key, change)) in merge(deltas).into_iter().enumerate() {
        yield_now_and_then(count).await;
        match change {
            Some(json) => entries.set(key, parse(cache, head, key, json)?),
            None => entries.remove(key),
        }
    }
    let is_whole = entries.len() as u64 == head.entries && !entries.has_too_large_overlay();
    Ok(is_whole.then_some(entries))
}

/// The keys that deltas have changed.
pub(crate) fn changed_keys(deltas: &[(Id, Delta)]) -> ChangedKeys {
    let mut keys = ChangedKeys::default();
    for (key, change) in merge(deltas) {
        let list = if change.is_some() { &mut keys.set } else { &mut keys.removed };
        list.push(key.to_owned());
    }
    keys
}

/// Merges deltas, oldest first: each key with its last value, or with none if it was removed.
fn merge(deltas: &[(Id, Delta)]) -> HashMap<&str, Option<&str>, RandomState> {
    let mut changes = HashMap::default();
    for (_, Delta { set, removed, .. }) in deltas {
        changes.extend(set.iter().map(|(key, json)| (key, Some(json))));
        changes.extend(removed.iter().map(|key| (key.as_str(), None)));
    }
    changes
}

fn parse<V: Value + ?Sized>(cache: &Name, head: &Head, key: &str, json: &str) -> Result<Arc<V>, LoadFailure> {
    V::parse_alone(json).map_err(|error| LoadFailure::Refused(head.id, wrong_value::<V>(cache, key, error)))
}

/// Lets other tasks have their turn, once for every [`YIELD_INTERVAL`] values.
pub(crate) async fn yield_now_and_then(count: usize) {
    if count % YIELD_INTERVAL == YIELD_INTERVAL - 1 {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(set: &[&str], removed: &[&str]) -> (Id, Delta) {
        let mut delta = Delta::default();
        set.iter().for_each(|key| delta.set.push(key, "1"));
        delta.removed.extend(removed.iter().map(|key| (*key).to_owned()));
        (Id::random(), delta)
    }

    #[test]
    fn each_changed_key_comes_once_as_its_last_delta_says() {
        let deltas = [delta(&["a", "b", "c"], &["d"]), delta(&["d", "a"], &["b"])];
        let mut keys = changed_keys(&deltas);
        keys.set.sort();
        assert_eq!((keys.set, keys.removed), (vec!["a".into(), "c".into(), "d".into()], vec!["b".to_owned()]));
    }
}
