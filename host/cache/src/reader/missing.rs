//! What stands in for keys that a snapshot does not have: the hook of a service.

use std::sync::Arc;

use super::Snapshot;

/// Gives a value for a key that a snapshot does not have: another entry's, or one that is `static`.
pub(super) type Hook<V> = Arc<dyn for<'a> Fn(&'a Snapshot<V>, &str) -> Option<&'a V> + Send + Sync>;

/// A hook, and the snapshot as the hook sees it: without itself, so that it cannot call itself.
pub(super) struct Missing<V> {
    pub(super) hook: Hook<V>,
    pub(super) plain: Box<Snapshot<V>>,
}

impl<V> Missing<V> {
    pub(super) fn value(&self, key: &str) -> Option<&V> {
        (self.hook)(&self.plain, key)
    }
}
