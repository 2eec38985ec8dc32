//! A reference to a value that was read from a cache.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use crate::entries::Place;
use crate::held::Held;
use crate::snapshot::Snapshot;

/// A value in the snapshot that it was found in. It dereferences to `V`; nothing is copied.
///
/// It keeps that whole snapshot in memory, so drop it soon, and clone the value to keep it for long.
pub struct Ref<V> {
    held: Guard<Option<Arc<Held<V>>>>,
    found: Found,
}

/// How the value is found in the snapshot at each access.
enum Found {
    /// An entry, by its place.
    Entry(Place),
    /// By the `missing` hook, which is called for this key at each access.
    Fallback(Box<str>),
}

impl<V> Ref<V> {
    /// Finds `key` in what is held. The outer `None`: nothing is held. The inner: the key is absent.
    #[inline(always)]
    pub(crate) fn find(held: Guard<Option<Arc<Held<V>>>>, key: &str) -> Option<Option<Self>> {
        let snapshot = &held.as_ref()?.snapshot;
        let found = match snapshot.entries().place(key) {
            Some(place) => Some(Found::Entry(place)),
            None => snapshot.fallback(key).map(|_| Found::Fallback(key.into())),
        };
        Some(found.map(|found| Self { held, found }))
    }

    /// The key it was found by.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.found {
            Found::Entry(place) => self.entry(*place).0,
            Found::Fallback(key) => key,
        }
    }

    #[inline]
    fn entry(&self, place: Place) -> (&str, &V) {
        self.snapshot().entries().at(place).expect("`find` saw an entry there, and a snapshot does not change")
    }

    #[inline]
    fn snapshot(&self) -> &Snapshot<V> {
        &self.held.as_ref().expect("a Ref is made only by `find`, of what is held").snapshot
    }
}

impl<V> Deref for Ref<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        match &self.found {
            Found::Entry(place) => self.entry(*place).1,
            Found::Fallback(key) => self.snapshot().fallback(key).unwrap_or_else(|| {
                panic!(
                    "cache `{}`: the `missing` hook gave a value for key `{}` and now gives none: it must always give the \
                     same value for one key of one snapshot",
                    self.snapshot().cache(),
                    key.escape_debug()
                )
            }),
        }
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
