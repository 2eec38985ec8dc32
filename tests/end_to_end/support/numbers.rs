//! Maps that show whether they are whole: those of the guest `counter`.

use std::collections::HashMap;

use kiwi_cache::Snapshot;
use kiwi_store::Id;
use serde::Deserialize;

/// A value of the guest `counter`: its position in the map, and a number that is the same for all
/// values of one load and differs from load to load.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) generation: u64,
    n: u32,
}

/// The snapshots that were checked.
#[derive(Default)]
pub(crate) struct Numbers {
    generations: HashMap<Id, u64>,
    loads: usize,
}

impl Numbers {
    /// Panics unless a snapshot has exactly these entries, all of one load, and of the same load as any
    /// earlier snapshot with its id.
    pub(crate) fn check(&mut self, snapshot: &Snapshot<Number>, entries: u32) {
        let id = snapshot.id();
        assert_eq!(snapshot.len(), entries as usize, "snapshot {id} is not whole");
        let generation = snapshot["0"].generation;
        for (key, value) in snapshot {
            assert_eq!(key.parse(), Ok(value.n), "snapshot {id} has the value of another key");
            assert_eq!(value.generation, generation, "snapshot {id} is mixed: key {key} is of another load");
        }
        assert_eq!(
            *self.generations.entry(id).or_insert(generation),
            generation,
            "snapshot {id} has been another load before"
        );
        self.loads += 1;
    }

    /// How many snapshots were checked.
    pub(crate) fn loads(&self) -> usize {
        self.loads
    }

    /// How many of them were different.
    pub(crate) fn snapshots(&self) -> usize {
        self.generations.len()
    }
}
