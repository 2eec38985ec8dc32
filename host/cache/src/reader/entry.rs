//! A value read from a cache, kept in place while it is looked at.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::Guard;

use super::Snapshot;
use super::entries::Place;
use super::local::Held;

/// A value in the snapshot it was found in: dereferences to `V`, nothing is copied.
///
/// It keeps that whole snapshot in memory, so drop it soon; clone the value to keep it for long.
pub struct Ref<V> {
    held: Guard<Option<Arc<Held<V>>>>,
    found: Found,
}

/// How a value is found in the snapshot again.
enum Found {
    /// An entry, by its place.
    Entry(Place),
    /// By the `missing` hook, which is asked for this key again at each look.
    StandIn(Box<str>),
}

impl<V> Ref<V> {
    /// Finds `key` in what is held: the outer `None` if nothing is, the inner if the key is absent.
    #[inline(always)]
    pub(super) fn find(held: Guard<Option<Arc<Held<V>>>>, key: &str) -> Option<Option<Self>> {
        let snapshot = &held.as_ref()?.snapshot;
        let found = match snapshot.entries().place(key) {
            Some(place) => Some(Found::Entry(place)),
            None => snapshot.stand_in(key).map(|_| Found::StandIn(key.into())),
        };
        Some(found.map(|found| Self { held, found }))
    }

    /// The key it was found by.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.found {
            Found::Entry(place) => self.entry(*place).0,
            Found::StandIn(key) => key,
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
            Found::StandIn(key) => self.snapshot().stand_in(key).unwrap_or_else(|| {
                panic!(
                    "cache `{}`: the `missing` hook gave a value for key `{}` and now gives none: it must give the \
                     same each time for one key of one snapshot",
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
