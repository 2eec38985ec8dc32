//! What a host remembers of the map it has published: sixteen bytes an entry, enough to see which
//! entries a new load changes.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use kiwi_store::{PARTITIONS, partition_of};

/// The fingerprints of a map's entries, and which of them the load under way has given again.
///
/// It finds duplicates as well. Its hashes are seeded anew in each host, so that a loader cannot work out
/// keys or values that look alike. Whether the map is still what is published is not known here: the
/// snapshot's id tells.
///
/// Those of a version that was read back are divided as the version is. It has the entries of one partition after
/// the other, and those of each in the order of the load that published it: the next load finds what it gives where
/// it is expected, without a look-up. Those of a load are in its order, and not divided.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    /// None, one for all, or all.
    partitions: Vec<Partition>,
    hash: Hash,
    given: usize,
    altered: usize,
    /// Two keys share a hash: what is remembered of them is not to be trusted.
    ambiguous: bool,
}

/// The entries of a partition, or of all.
#[derive(Debug, Default)]
struct Partition {
    /// In the order in which they came: a loader that keeps to it is compared from one to the next.
    entries: Vec<Remembered>,
    /// Where the entry of a key is.
    places: HashTable<u32>,
    /// Where the next entry is if they come as they came before.
    expected: usize,
}

/// How the entries of one map are hashed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hash(RandomState);

impl Hash {
    /// The fingerprint of an entry.
    pub(crate) fn of(&self, key: &str, value: &str) -> Fingerprint {
        Fingerprint { partition: partition_of(key), key: self.of_key(key), value: self.0.hash_one(value) }
    }

    fn of_key(&self, key: &str) -> u64 {
        self.0.hash_one(key)
    }
}

/// Stands for an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprint {
    partition: usize,
    key: u64,
    value: u64,
}

/// An entry's fingerprint, that of its value cut to 63 bits: in the last one is whether the load under way
/// has given it.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    key: u64,
    value: u64,
}

impl Remembered {
    const GIVEN: u64 = 1;

    fn given(Fingerprint { key, value, .. }: Fingerprint) -> Self {
        Self { key, value: value | Self::GIVEN }
    }

    fn is_given(self) -> bool {
        self.value & Self::GIVEN != 0
    }

    fn forget_given(&mut self) {
        self.value &= !Self::GIVEN;
    }
}

/// How an entry compares with the map before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was there, with the same value.
    Same,
    /// Its key is new, or its value is another one.
    Changed,
    /// This load has given its key already, unless two keys share a hash.
    Again,
}

impl Partition {
    fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), places: HashTable::with_capacity(entries), expected: 0 }
    }

    fn place(&self, key: u64) -> Option<usize> {
        self.places.find(key, |&place| self.entries[place as usize].key == key).map(|&place| place as usize)
    }

    /// Adds an entry. `false`: there are more than four thousand millions, and nothing is remembered of the rest.
    fn add(&mut self, entry: Remembered) -> bool {
        let Ok(place) = u32::try_from(self.entries.len()) else { return false };
        self.entries.push(entry);
        self.places.insert_unique(entry.key, place, |&place| self.entries[place as usize].key);
        true
    }

    /// Keeps what the load has given.
    fn keep_given(&mut self) {
        self.entries.retain(|known| known.is_given());
        self.places.clear();
        for (place, entry) in (0..).zip(&self.entries) {
            self.places.insert_unique(entry.key, place, |&place| self.entries[place as usize].key);
        }
    }
}

impl Fingerprints {
    /// None yet, with room for about so many, which come as a version has them.
    pub(crate) fn of_version(entries: usize) -> Self {
        // Keys are hardly ever divided exactly.
        let of_each = entries / PARTITIONS + entries / PARTITIONS / 16;
        let partitions = (0..PARTITIONS).map(|_| Partition::with_capacity(of_each)).collect();
        Self { partitions, ..Self::default() }
    }

    /// How many entries are remembered.
    pub(crate) fn len(&self) -> usize {
        self.partitions.iter().map(|partition| partition.entries.len()).sum()
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash.clone()
    }

    /// Takes the next entries of a load, and says of each what it is. Many at a time, and nothing else
    /// between: where they come in another order each is another place in memory, and the processor fetches
    /// several of them at once.
    pub(crate) fn give_all<'a>(
        &'a mut self,
        fingerprints: impl IntoIterator<Item = Fingerprint> + 'a,
    ) -> impl Iterator<Item = Seen> + 'a {
        if self.partitions.is_empty() {
            self.partitions.push(Partition::default());
        }
        fingerprints.into_iter().map(|fingerprint| self.give(fingerprint))
    }

    fn give(&mut self, fingerprint: Fingerprint) -> Seen {
        let now = Remembered::given(fingerprint);
        let number = fingerprint.partition % self.partitions.len();
        let partition = &mut self.partitions[number];
        let expected = partition.entries.get(partition.expected).filter(|entry| entry.key == now.key);
        let Some(place) = expected.map(|_| partition.expected).or_else(|| partition.place(now.key)) else {
            let is_added = partition.add(now);
            self.given += usize::from(is_added);
            self.ambiguous |= !is_added;
            self.altered += 1;
            return Seen::Changed;
        };
        let known = &mut partition.entries[place];
        if known.is_given() {
            return Seen::Again;
        }
        let is_same = known.value | Remembered::GIVEN == now.value;
        *known = now;
        partition.expected = place + 1;
        self.given += 1;
        self.altered += usize::from(!is_same);
        if is_same { Seen::Same } else { Seen::Changed }
    }

    /// Notes that two different keys share a hash.
    pub(crate) fn note_collision(&mut self) {
        self.ambiguous = true;
    }

    /// Whether every key has a hash of its own.
    pub(crate) fn has_no_collision(&self) -> bool {
        !self.ambiguous
    }

    /// How many entries of the map before the load has not given, so far.
    pub(crate) fn removed(&self) -> usize {
        self.len() - self.given
    }

    /// Whether a key of the map before was not given.
    pub(crate) fn is_removed(&self, key: &str) -> bool {
        let Some(number) = partition_of(key).checked_rem(self.partitions.len()) else { return false };
        let partition = &self.partitions[number];
        partition.place(self.hash.of_key(key)).is_some_and(|place| !partition.entries[place].is_given())
    }

    /// Whether the load has given a map, and not only the word that nothing has changed.
    pub(crate) fn is_whole(&self) -> bool {
        self.given > 0 || self.len() == 0
    }

    /// Ends a load: what was given is the map now. `false`: not all of it is known.
    pub(crate) fn settle(&mut self) -> bool {
        if self.removed() > 0 {
            self.partitions.iter_mut().for_each(Partition::keep_given);
        }
        self.clear_given();
        !self.ambiguous
    }

    /// Ends a load that came to nothing: the map is what it was before. `false`: that is not known any
    /// more.
    pub(crate) fn revert(&mut self) -> bool {
        let is_known = self.altered == 0 && !self.ambiguous;
        self.clear_given();
        is_known
    }

    fn clear_given(&mut self) {
        if self.given == 0 {
            return;
        }
        for partition in &mut self.partitions {
            partition.entries.iter_mut().for_each(Remembered::forget_given);
            partition.expected = 0;
        }
        (self.given, self.altered) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn give(table: &mut Fingerprints, key: &str, value: &str) -> Seen {
        let fingerprint = table.hash.of(key, value);
        table.give_all([fingerprint]).next().unwrap()
    }

    #[test]
    fn a_load_that_came_to_nothing_is_forgotten_if_it_altered_nothing() {
        let mut table = Fingerprints::default();
        give(&mut table, "a", "1");
        table.settle();
        assert_eq!(give(&mut table, "a", "1"), Seen::Same);
        assert!(table.revert());
        assert_eq!(give(&mut table, "a", "1"), Seen::Same);
        assert_eq!(give(&mut table, "a", "1"), Seen::Again);
        assert_eq!(give(&mut table, "b", "1"), Seen::Changed);
        assert!(!table.revert());
    }

    #[test]
    fn a_map_that_was_read_back_is_compared_without_a_look_up() {
        let keys: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let mut by_partition = keys.clone();
        by_partition.sort_by_key(|key| partition_of(key));
        assert_ne!(by_partition, keys);
        let mut table = Fingerprints::of_version(keys.len());
        by_partition.iter().for_each(|key| _ = give(&mut table, key, "1"));
        table.settle();
        table.partitions.iter_mut().for_each(|partition| partition.places.clear());
        assert!(keys.iter().all(|key| give(&mut table, key, "1") == Seen::Same));
        assert!(table.is_whole() && table.removed() == 0 && table.revert());
    }

    proptest! {
        #[test]
        fn each_load_is_compared_with_the_one_before(
            loads in prop::collection::vec(prop::collection::hash_map("[a-e]", "[01]", 0..5), 1..6),
            is_of_version in any::<bool>(),
        ) {
            let mut table = if is_of_version { Fingerprints::of_version(5) } else { Fingerprints::default() };
            let mut before = HashMap::new();
            for load in loads {
                for (key, value) in &load {
                    let expected = if before.get(key) == Some(value) { Seen::Same } else { Seen::Changed };
                    prop_assert_eq!(give(&mut table, key, value), expected);
                    prop_assert_eq!(give(&mut table, key, value), Seen::Again);
                }
                let removed: Vec<&String> = before.keys().filter(|key| !load.contains_key(*key)).collect();
                prop_assert_eq!(table.removed(), removed.len());
                prop_assert!(removed.iter().all(|key| table.is_removed(key)));
                prop_assert!(load.keys().all(|key| !table.is_removed(key)));
                table.settle();
                before = load;
            }
        }
    }
}
