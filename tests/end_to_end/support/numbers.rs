//! Maps that show whether they are whole: what the guest `counter` gives.

use std::collections::HashMap;

use kiwi_cache::Snapshot;
use kiwi_store::Id;
use serde::Deserialize;

/// A value of the guest `counter`: its place in the map, and a number that is the same in all of a
/// load and differs from load to load.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) generation: u64,
    n: u32,
}

/// The snapshots that a reader has met.
#[derive(Default)]
pub(crate) struct Numbers {
    generations: HashMap<Id, u64>,
    loads: usize,
}

impl Numbers {
    /// Panics unless a snapshot has exactly these entries, all of one load, and of the load that its
    /// id has always named.
    pub(crate) fn check(&mut self, snapshot: &Snapshot<Number>, entries: u32) {
        let id = snapshot.id();
        assert_eq!(snapshot.len(), entries as usize, "snapshot {id} is not whole");
        let generation = snapshot["0"].generation;
        for (key, value) in snapshot {
            assert_eq!(key.parse(), Ok(value.n), "snapshot {id} has the value of another key");
            assert_eq!(value.generation, generation, "snapshot {id} is mixed: key {key} is of another load");
        }
        assert_eq!(*self.generations.entry(id).or_insert(generation), generation, "snapshot {id} names two loads");
        self.loads += 1;
    }

    /// How many whole loads were checked.
    pub(crate) fn loads(&self) -> usize {
        self.loads
    }

    /// How many different snapshots they were.
    pub(crate) fn snapshots(&self) -> usize {
        self.generations.len()
    }
}
