//! A map of the chaos: made, changed and compared by the numbers of its keys, because the parties have no time to lose.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use super::*;
use kiwi_store::partition_of;

/// So many keys there are.
const KEYS: usize = 3_500;

/// So many of them are of any partition, and the others of few: most versions have few segments, and are read quickly.
const WIDE_KEYS: usize = 350;
const NARROW_PARTITIONS: usize = 6;

static KEY_TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let narrow = |number: usize| {
        let mut texts = (0..).map(|salt| format!("key{number}.{salt}"));
        texts.find(|key| partition_of(key) < NARROW_PARTITIONS).expect("there are endless texts")
    };
    (0..KEYS).map(|number| if number < WIDE_KEYS { format!("key{number}") } else { narrow(number) }).collect()
});

/// The text of a key.
pub(super) fn key(number: usize) -> &'static str {
    &KEY_TEXTS[number]
}

/// Any key.
pub(super) fn any_key() -> usize {
    fastrand::usize(..KEYS)
}

/// The number of a key, if it is one of ours.
fn number(text: &str) -> Option<usize> {
    let number = text.strip_prefix("key")?.split('.').next()?.parse().ok()?;
    (*KEY_TEXTS.get(number)? == text).then_some(number)
}

/// A map that was to be published.
pub(super) struct Snapshot {
    values: Vec<Option<Arc<str>>>,
    entries: usize,
    /// The first of the keys that it may have.
    first_key: usize,
}

impl Snapshot {
    /// A new one with so many entries.
    pub(super) fn fresh(id: Id, entries: Range<usize>) -> Self {
        let first_key = if fastrand::u8(..) < 40 { 0 } else { WIDE_KEYS };
        let entries = fastrand::usize(entries).min(KEYS - first_key);
        let has = |number: usize| (first_key..first_key + entries).contains(&number);
        let values = (0..KEYS).map(|number| has(number).then(|| value(id))).collect();
        Self { values, entries, first_key }
    }

    /// The same with some entries changed, some gone and some new.
    pub(super) fn changed(&self, id: Id, changes: Range<usize>) -> Self {
        let mut values = self.values.clone();
        for _ in 0..fastrand::usize(changes) {
            values[fastrand::usize(self.first_key..KEYS)] = (fastrand::u8(..) >= 60).then(|| value(id));
        }
        Self { entries: values.iter().flatten().count(), values, first_key: self.first_key }
    }

    /// What changes from this one to another.
    pub(super) fn delta(&self, to: &Self) -> Delta {
        let mut delta = Delta::default();
        for (number, (before, after)) in self.values.iter().zip(&to.values).enumerate() {
            match after {
                Some(value) if before.as_ref() != Some(value) => delta.set.push(key(number), value),
                None if before.is_some() => delta.removed.push(key(number).to_owned()),
                _ => {}
            }
        }
        delta
    }

    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn batch(&self) -> Batch {
        let entry = |(number, value)| Some((key(number), Option::as_deref(value)?));
        self.values.iter().enumerate().filter_map(entry).collect()
    }

    /// Whether a key has this value, or none.
    pub(super) fn has(&self, number: usize, value: Option<&str>) -> bool {
        self.values[number].as_deref() == value
    }
}

/// Names the snapshot that it came with.
fn value(id: Id) -> Arc<str> {
    format!("\"{id} {:016x}\"", fastrand::u64(..)).into()
}

/// Compares what is read of a snapshot with it, entry by entry.
pub(super) struct Comparison {
    expected: Arc<Snapshot>,
    seen: Vec<bool>,
    entries: usize,
    wrong: usize,
}

impl Comparison {
    pub(super) fn with(expected: Arc<Snapshot>) -> Self {
        Self { expected, seen: vec![false; KEYS], entries: 0, wrong: 0 }
    }

    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.entries += 1;
        let is_right = number(key).is_some_and(|number| {
            self.expected.has(number, Some(value)) && !std::mem::replace(&mut self.seen[number], true)
        });
        self.wrong += usize::from(!is_right);
    }

    /// What is wrong with what was read.
    pub(super) fn fault(&self) -> Option<String> {
        let expected = self.expected.entries();
        let is_right = self.wrong == 0 && self.entries == expected;
        (!is_right).then(|| format!("{} entries, {expected} expected, {} wrong", self.entries, self.wrong))
    }
}
