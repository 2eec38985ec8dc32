//! Following the changes of a copy, blocking.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::park;
use crate::changes;
use crate::feed::Changed;
use crate::local::Local;
use crate::snapshot::Snapshot;
use crate::stored::Stored;

/// Follows the changes of a copy: what [`Cache::changes`](super::Cache::changes) returns. It is an iterator, each
/// step of which blocks until the next change.
///
/// It remembers which snapshot it has seen last, as [`kiwi_cache::Changes`](crate::Changes) does.
///
/// ```no_run
/// # fn example(airlines: kiwi_cache::blocking::Cache<String>) {
/// for changed in airlines.changes() {
///     println!("snapshot {}: {:?}", changed.seq, changed.keys);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Changes<V: Stored + ?Sized>(changes::Changes<V>);

impl<V: Stored + ?Sized> Changes<V> {
    pub(super) fn new(local: &Arc<Local<V>>) -> Self {
        Self(changes::Changes::new(local))
    }

    /// Blocks until a snapshot is held that is not the one seen last, and returns it. `None`: the last clone of the
    /// cache was dropped. See [`Changes::changed`](crate::Changes::changed).
    pub fn changed(&mut self) -> Option<Arc<Snapshot<V>>> {
        park::wait(self.0.changed())
    }

    /// As [`changed`](Self::changed), but for no longer than `timeout`.
    ///
    /// ```
    /// use kiwi_cache::blocking::Cache;
    /// use std::sync::mpsc::RecvTimeoutError;
    /// use std::time::Duration;
    ///
    /// let airlines = Cache::fixed([("FR", "Ryanair")]);
    /// let mut changes = airlines.changes();
    /// assert_eq!(changes.changed_timeout(Duration::from_millis(1)).unwrap_err(), RecvTimeoutError::Timeout);
    /// ```
    ///
    /// # Errors
    /// [`Timeout`](RecvTimeoutError::Timeout): there was no change in time.
    /// [`Disconnected`](RecvTimeoutError::Disconnected): the last clone of the cache was dropped.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<Arc<Snapshot<V>>, RecvTimeoutError> {
        in_time(park::wait_timeout(self.0.changed(), timeout))
    }

    /// As [`next`](Iterator::next), but for no longer than `timeout`.
    ///
    /// # Errors
    /// As [`changed_timeout`](Self::changed_timeout).
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Changed, RecvTimeoutError> {
        in_time(park::wait_timeout(self.0.next(), timeout))
    }
}

impl<V: Stored + ?Sized> Iterator for Changes<V> {
    type Item = Changed;

    /// Blocks until the next change. `None`: the last clone of the cache was dropped. See
    /// [`Changes::next`](crate::Changes::next).
    fn next(&mut self) -> Option<Changed> {
        park::wait(self.0.next())
    }
}

fn in_time<T>(waited: Option<Option<T>>) -> Result<T, RecvTimeoutError> {
    waited.ok_or(RecvTimeoutError::Timeout)?.ok_or(RecvTimeoutError::Disconnected)
}
