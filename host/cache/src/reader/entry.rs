//! A value read from a cache, kept in place while it is looked at.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use super::local::Held;

/// A value in the snapshot it was found in: dereferences to `V`, nothing is copied.
///
/// It keeps that whole snapshot in memory, so drop it soon; clone the value to keep it for long.
pub struct Ref<V> {
    held: Guard<Option<Arc<Held<V>>>>,
    place: usize,
}

impl<V> Ref<V> {
    /// Finds `key` in what is held: the outer `None` if nothing is, the inner if the key is absent.
    pub(super) fn find(held: Guard<Option<Arc<Held<V>>>>, key: &str) -> Option<Option<Self>> {
        let place = held.as_ref()?.snapshot.place(key);
        Some(place.map(|place| Self { held, place }))
    }

    /// The key it was found by.
    #[must_use]
    pub fn key(&self) -> &str {
        self.entry().0
    }

    fn entry(&self) -> (&str, &V) {
        let entry = self.held.as_ref().and_then(|held| held.snapshot.at(self.place));
        entry.expect("a Ref is made only by `find`, and the snapshot it holds does not change")
    }
}

impl<V> Deref for Ref<V> {
    type Target = V;

    fn deref(&self) -> &V {
        self.entry().1
    }
}

impl<V: fmt::Debug> fmt::Debug for Ref<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V: fmt::Display> fmt::Display for Ref<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
