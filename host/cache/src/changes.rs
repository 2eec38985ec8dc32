//! Following the changes of a copy.

use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;

use crate::feed::{self, Changed};
use crate::local::Local;
use crate::snapshot::Snapshot;
use crate::stored::Stored;
use kiwi_store::Id;

/// Follows the changes of a copy: what [`Cache::changes`](crate::Cache::changes) returns.
///
/// It remembers which snapshot it has seen last: at first the one that was held when it was made. A change that
/// happens while nobody waits is not missed: the next wait returns at once. A wait that is given up (its future is
/// dropped, as by `select!`) loses nothing.
///
/// It keeps neither the snapshots nor the [`Cache`](crate::Cache) alive: when the last clone of the cache is dropped,
/// the changes end. If the runtime that polls the store shuts down, whoever waits in another one starts the polling again
/// there. (A wait outside any runtime cannot: it goes on as soon as somebody else does.)
///
/// ```no_run
/// # async fn example(airlines: kiwi_cache::Cache<String>) {
/// use kiwi_cache::Keys;
///
/// let mut changes = airlines.changes();
/// while let Some(changed) = changes.next().await {
///     match changed.keys {
///         Keys::Some(keys) => println!("snapshot {}: {} keys have changed", changed.seq, keys.iter().count()),
///         _ => println!("snapshot {}: any key may have changed", changed.seq),
///     }
/// }
/// # }
/// ```
pub struct Changes<V: Stored + ?Sized> {
    local: Weak<Local<V>>,
    feed: Receiver<Changed>,
    /// Changes when the task that polls the store has ended.
    polls: watch::Receiver<()>,
    /// The snapshot that was seen last.
    seen: Option<Id>,
}

impl<V: Stored + ?Sized> Changes<V> {
    pub(crate) fn new(local: &Arc<Local<V>>) -> Self {
        // In this order: a snapshot that is held before it is announced is then seen, or announced, or both.
        let (feed, polls) = (local.feed().subscribe(), local.polls());
        Self { local: Arc::downgrade(local), feed, polls, seen: local.with_held(|held| held.snapshot.id()) }
    }

    /// Waits until a snapshot is held that is not the one seen last, and returns it. It returns at once if there is
    /// one already. Of several changes it returns the newest; [`next`](Self::next) returns each.
    ///
    /// `None`: the last clone of the cache was dropped. For a [fixed](crate::Cache::fixed) cache it waits until then.
    ///
    /// ```no_run
    /// # async fn example(airlines: kiwi_cache::Cache<String>) {
    /// let mut changes = airlines.changes();
    /// while let Some(snapshot) = changes.changed().await {
    ///     println!("snapshot {} has {} entries", snapshot.seq(), snapshot.len());
    /// }
    /// # }
    /// ```
    pub async fn changed(&mut self) -> Option<Arc<Snapshot<V>>> {
        loop {
            // In this order: what is announced after this wakes the wait below.
            feed::newest(&mut self.feed);
            let held = self.local.upgrade()?.with_held(|held| Arc::clone(&held.snapshot));
            if let Some(snapshot) = held.filter(|snapshot| self.seen != Some(snapshot.id())) {
                self.seen = Some(snapshot.id());
                return Some(snapshot);
            }
            self.announced().await?;
        }
    }

    /// Waits for the next change after the snapshot seen last, and returns which snapshot is held since, and which
    /// keys may have changed. That snapshot, or a newer one, is what the cache then serves.
    ///
    /// The memory for changes that were not taken yet is bounded: a follower that lags more than 16 changes behind
    /// skips to the newest, with [`Keys::All`](crate::Keys::All).
    ///
    /// `None`: the last clone of the cache was dropped. For a [fixed](crate::Cache::fixed) cache it waits until then.
    pub async fn next(&mut self) -> Option<Changed> {
        loop {
            let changed = self.announced().await?;
            if self.seen.replace(changed.id) != Some(changed.id) {
                return Some(changed);
            }
        }
    }

    /// The next change that is announced. If the task that polls the store ends meanwhile, it is started again in the
    /// runtime that this waits in.
    async fn announced(&mut self) -> Option<Changed> {
        loop {
            if let Some(local) = self.local.upgrade() {
                local.revive();
            }
            tokio::select! {
                biased;
                changed = feed::next(&mut self.feed) => return changed,
                Ok(()) = self.polls.changed() => {}
            }
        }
    }
}

impl<V: Stored + ?Sized> fmt::Debug for Changes<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("seen", &self.seen).finish_non_exhaustive()
    }
}
