//! The entries of a snapshot: a base, as it was loaded, and an overlay of what has changed since.

use std::sync::Arc;

use crate::stored::{Stored, sealed};
use crate::table::{self, Table};

/// An overlay with more than one eighth of the base's entries is large: each change copies it, and each read looks into two
/// maps. The map is then loaded whole, when there is time for it.
const LARGE_OVERLAY_PART: usize = 8;
/// With more than half of them, that costs less than another change.
const TOO_LARGE_OVERLAY_PART: usize = 2;

/// The entries of a snapshot, found by key.
///
/// A snapshot that differs little from the one before shares its base, so that neither time nor memory is
/// spent on what stayed the same.
pub(crate) struct Entries<V: Stored + ?Sized> {
    base: Arc<V::Base>,
    /// What differs from the base: another value, or none for a key that was removed.
    overlay: Table<Option<Arc<V>>>,
    len: usize,
}

impl<V: Stored + ?Sized> Entries<V> {
    pub(crate) fn new(base: V::Base) -> Self {
        let len = V::len(&base);
        Self { base: Arc::new(base), overlay: Table::default(), len }
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.find(key).map(|(_, value)| value)
    }

    /// The entry of a key, if there is one: the key as it is stored here, and the value.
    #[inline]
    pub(crate) fn find(&self, key: &str) -> Option<(&V::Key, &V)> {
        if !self.overlay.is_empty()
            && let Some((key, change)) = self.overlay.find(key)
        {
            return Some((V::key(key), change.as_deref()?));
        }
        V::find(&self.base, key)
    }

    /// The change of a key since the base was loaded, if it has changed.
    fn change(&self, key: &str) -> Option<&Option<Arc<V>>> {
        if self.overlay.is_empty() { None } else { self.overlay.find(key).map(|(_, change)| change) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What it was loaded as.
    pub(crate) fn base(&self) -> &V::Base {
        &self.base
    }

    /// The same, if nothing has changed since.
    pub(crate) fn unchanged_base(&self) -> Option<&V::Base> {
        self.overlay.is_empty().then(|| self.base())
    }

    /// Which part of the entries has changed since they were loaded: one in so many, or more.
    pub(crate) fn has_changed_by_one_in(&self, many: usize) -> bool {
        self.overlay.len() > V::len(&self.base) / many
    }

    pub(crate) fn iter(&self) -> Iter<'_, V> {
        Iter { entries: self, base: V::iter(&self.base), overlay: self.overlay.iter(), left: self.len }
    }

    /// A copy to apply changes to. It shares the base, so that only the overlay is copied.
    pub(crate) fn fork(&self) -> Self {
        Self { base: Arc::clone(&self.base), overlay: self.overlay.clone(), len: self.len }
    }

    pub(crate) fn set(&mut self, key: &str, value: Arc<V>) {
        self.len += usize::from(self.get(key).is_none());
        self.overlay.insert(key, Some(value));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.len -= usize::from(self.get(key).is_some());
        self.overlay.insert(key, None);
    }

    /// Whether so much has changed that the map should be loaded whole when there is time.
    pub(crate) fn has_large_overlay(&self) -> bool {
        self.overlay.len() > V::len(&self.base) / LARGE_OVERLAY_PART
    }

    /// Whether so much has changed that the map should be loaded whole instead.
    pub(crate) fn has_too_large_overlay(&self) -> bool {
        self.overlay.len() > V::len(&self.base) / TOO_LARGE_OVERLAY_PART
    }
}

/// All entries of a snapshot as (key, value): what [`Snapshot::iter`](crate::Snapshot::iter) returns.
///
/// ```
/// let airlines = kiwi_cache::Cache::fixed([("FR", "Ryanair"), ("U2", "easyJet")]);
/// let snapshot = airlines.snapshot()?;
/// assert_eq!(snapshot.iter().len(), 2);
/// assert!(snapshot.iter().any(|(code, name)| (code, *name) == ("U2", "easyJet")));
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Iter<'a, V: Stored + ?Sized> {
    entries: &'a Entries<V>,
    base: <V as sealed::Stored>::Iter<'a>,
    overlay: table::Iter<'a, Option<Arc<V>>>,
    left: usize,
}

impl<'a, V: Stored + ?Sized> Iterator for Iter<'a, V> {
    type Item = (&'a str, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let entries = self.entries;
        let unchanged = self.base.by_ref().find(|(key, _)| entries.change(key).is_none());
        let next = match unchanged {
            None => self.overlay.by_ref().find_map(|(key, change)| Some((key, change.as_deref()?))),
            unchanged => unchanged,
        };
        self.left -= usize::from(next.is_some());
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<V: Stored + ?Sized> ExactSizeIterator for Iter<'_, V> {}

impl<V: Stored + ?Sized> std::fmt::Debug for Iter<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn changes_over_a_base_are_one_map(
            base in prop::collection::btree_map("[a-f]", any::<u8>(), 0..6),
            changes in prop::collection::vec(("[a-h]", prop::option::of(any::<u8>())), 0..12),
        ) {
            let mut expected: BTreeMap<String, u8> = base.clone();
            let mut entries = Entries::new(base.iter().map(|(key, value)| (key, *value)).collect());
            for (key, change) in changes {
                entries = entries.fork();
                match change {
                    Some(value) => {
                        entries.set(&key, Arc::new(value));
                        expected.insert(key, value);
                    }
                    None => {
                        entries.remove(&key);
                        expected.remove(&key);
                    }
                }
                prop_assert_eq!(entries.len(), expected.len());
                prop_assert_eq!(entries.iter().len(), expected.len());
                let all: BTreeMap<String, u8> = entries.iter().map(|(key, value)| (key.to_owned(), *value)).collect();
                prop_assert_eq!(&all, &expected);
                for key in ["a", "c", "g"] {
                    prop_assert_eq!(entries.get(key), expected.get(key));
                    let found = entries.find(key).map(|(key, value)| (key.as_str(), value));
                    prop_assert_eq!(found, expected.get(key).map(|value| (key, value)));
                }
            }
        }
    }
}
