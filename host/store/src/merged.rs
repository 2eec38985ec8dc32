//! Several deltas as one.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{Batch, Delta};

/// What several deltas change: each key with its last value, or with none if it was removed.
#[derive(Default)]
pub(crate) struct Merged(HashMap<String, Option<String>, RandomState>);

impl Merged {
    /// Merges deltas, oldest first.
    pub(crate) fn of(deltas: impl IntoIterator<Item = Delta>) -> Self {
        let mut merged = Self::default();
        for Delta { set, removed } in deltas {
            merged.0.extend(set.iter().map(|(key, value)| (key.to_owned(), Some(value.to_owned()))));
            merged.0.extend(removed.into_iter().map(|key| (key, None)));
        }
        merged
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The entries that are new or have another value.
    pub(crate) fn set(&self) -> Batch {
        self.0.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_deref()?))).collect()
    }

    /// The same as deltas of so many keys and about so many bytes at most.
    pub(crate) fn into_slices(self, max_keys: usize, max_bytes: usize) -> Vec<Delta> {
        let mut slices = Vec::new();
        let mut slice = Delta::default();
        for (key, value) in self.0 {
            match value {
                Some(value) => slice.set.push(&key, &value),
                None => slice.removed.push(key),
            }
            if slice.set.len() + slice.removed.len() >= max_keys || slice.set.bytes() >= max_bytes {
                slices.push(std::mem::take(&mut slice));
            }
        }
        if slice != Delta::default() || slices.is_empty() {
            slices.push(slice);
        }
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_delta_of_a_key_counts() {
        let delta = |set: &[(&'static str, &'static str)], removed: &[&str]| Delta {
            set: set.iter().copied().collect(),
            removed: removed.iter().map(|&key| key.to_owned()).collect(),
        };
        let merged = Merged::of([delta(&[("a", "1"), ("b", "1")], &["c"]), delta(&[("c", "2"), ("a", "2")], &["b"])]);
        let mut set: Vec<_> = merged.set().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        set.sort();
        assert_eq!(set, [("a", "2"), ("c", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!((merged.contains("d"), merged.contains("b")), (false, true));
        let slices = merged.into_slices(2, 100);
        assert_eq!(slices.iter().map(|slice| slice.set.len() + slice.removed.len()).collect::<Vec<_>>(), [2, 1]);
        let large = Merged::of([delta(&[("a", "11111"), ("b", "1"), ("c", "1")], &[])]).into_slices(100, 4);
        assert!(large.len() >= 2, "{large:?}");
        assert_eq!(Merged::default().into_slices(2, 100), [Delta::default()]);
    }
}
