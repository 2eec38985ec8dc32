//! What has changed: the feed from a reader's reloads to those who follow its changes.

use std::sync::Arc;

use kiwi_store::Id;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// For how many changes a slow follower may lag behind before it is told that all keys may have changed.
const MAX_LAG: usize = 16;
/// How many keys one change may name. Together with `MAX_LAG` it bounds the memory of a feed.
const MAX_KEYS: usize = 10_000;

/// Another snapshot is held: what [`Changes::next`](crate::Changes::next) returns.
///
/// ```no_run
/// # async fn example(airlines: kiwi_cache::Cache<String>) {
/// if let Some(changed) = airlines.changes().next().await {
///     println!("snapshot {} ({})", changed.seq, changed.id);
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changed {
    /// Which snapshot is held since.
    pub id: Id,
    /// Its number, for people.
    pub seq: u64,
    /// The keys that have changed since the last [`Changed`].
    pub keys: Keys,
}

/// The keys that may have changed from one snapshot to another.
///
/// ```
/// use kiwi_cache::Keys;
/// use std::collections::HashMap;
///
/// fn forget_derived(derived: &mut HashMap<String, String>, keys: &Keys) {
///     match keys {
///         Keys::Some(keys) => keys.iter().for_each(|key| drop(derived.remove(key))),
///         // `Keys::All`, and whatever a later version adds.
///         _ => derived.clear(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Keys {
    /// Only these keys: deltas led from one snapshot to the other.
    Some(Arc<ChangedKeys>),
    /// Any key may have changed: the map was loaded whole, more than 10,000 keys have changed, or the follower
    /// was too slow.
    All,
}

/// The keys that deltas have changed, each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedKeys {
    /// Keys that are new, or have another value than before.
    pub set: Vec<String>,
    /// Keys that are gone.
    pub removed: Vec<String>,
}

impl ChangedKeys {
    /// All of these keys: first those that were set, then those that were removed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.set.iter().chain(&self.removed).map(String::as_str)
    }
}

/// Sends changes to whoever follows them. It costs nothing while nobody does.
pub(crate) struct Feed(Sender<Changed>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(Sender::new(MAX_LAG))
    }

    pub(crate) fn subscribe(&self) -> Receiver<Changed> {
        self.0.subscribe()
    }

    /// Announces a snapshot, which must be held already. `keys` is called only if somebody follows.
    pub(crate) fn announce(&self, id: Id, seq: u64, keys: impl FnOnce() -> Option<ChangedKeys>) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let keys = keys().filter(|keys| keys.set.len() + keys.removed.len() <= MAX_KEYS);
        let keys = keys.map_or(Keys::All, |keys| Keys::Some(Arc::new(keys)));
        // It fails only if nobody follows any more.
        let _ = self.0.send(Changed { id, seq, keys });
    }
}

/// The next change. After a lag it is the newest one, and all keys may have changed. `None`: there will be none.
///
/// Nothing is lost if the wait is given up: a change is taken only when it is returned.
pub(crate) async fn next(feed: &mut Receiver<Changed>) -> Option<Changed> {
    match feed.recv().await {
        Ok(changed) => Some(changed),
        Err(broadcast::error::RecvError::Closed) => None,
        Err(broadcast::error::RecvError::Lagged(_)) => newest(feed).map(|newest| Changed { keys: Keys::All, ..newest }),
    }
}

/// Takes all changes that are there, and returns the newest.
pub(crate) fn newest(feed: &mut Receiver<Changed>) -> Option<Changed> {
    let mut newest = None;
    loop {
        match feed.try_recv() {
            Ok(changed) => newest = Some(changed),
            Err(broadcast::error::TryRecvError::Lagged(_)) => {}
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => return newest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Option<ChangedKeys> {
        Some(ChangedKeys { set: (0..count).map(|key| key.to_string()).collect(), removed: Vec::new() })
    }

    #[tokio::test]
    async fn a_follower_gets_each_change_and_all_keys_where_it_lags_or_there_are_too_many() {
        let feed = Feed::new();
        let mut follower = feed.subscribe();
        feed.announce(Id::random(), 1, || keys(MAX_KEYS));
        feed.announce(Id::random(), 2, || keys(MAX_KEYS + 1));
        feed.announce(Id::random(), 3, || None);
        let first = next(&mut follower).await.unwrap();
        assert!(first.seq == 1 && matches!(&first.keys, Keys::Some(keys) if keys.iter().count() == MAX_KEYS));
        for seq in [2, 3] {
            let changed = next(&mut follower).await.unwrap();
            assert!(changed.seq == seq && matches!(changed.keys, Keys::All), "{changed:?}");
        }

        let lag = MAX_LAG as u64 + 1;
        (0..lag).for_each(|seq| feed.announce(Id::random(), seq, || keys(1)));
        let newest = next(&mut follower).await.unwrap();
        assert!(newest.seq == lag - 1 && matches!(newest.keys, Keys::All), "{newest:?}");
        feed.announce(Id::random(), lag, || keys(1));
        assert!(matches!(next(&mut follower).await.unwrap().keys, Keys::Some(_)), "it has caught up");
        drop(feed);
        assert!(next(&mut follower).await.is_none());
    }

    #[test]
    fn keys_are_not_gathered_for_nobody() {
        Feed::new().announce(Id::random(), 1, || panic!("nobody follows"));
    }
}
