//! What the parties share: all maps that were ever on their way to be published, what was counted, and what was wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::counts::Counts;
use super::harm::Harm;
use super::snapshot::{Comparison, Snapshot};
use super::*;

/// At least this long, and longer on a busy machine, until every counter has seen enough. Where nobody has asked for
/// more, the first that is wrong ends it. A control goes on until something is wrong, however long that takes.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(120);

pub(super) struct Record {
    pub(super) started: Instant,
    shortest: Duration,
    is_control: bool,
    snapshots: Mutex<Snapshots>,
    pub(super) counts: Counts,
    pub(super) harm: Harm,
    wrong: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Snapshots {
    by_id: HashMap<Id, Arc<Snapshot>>,
    in_order: Vec<Arc<Snapshot>>,
}

impl Record {
    pub(super) fn new() -> Self {
        let seconds = std::env::var("KIWI_CHAOS_SECONDS").ok().map(|seconds| seconds.parse().expect("a number"));
        Self {
            started: Instant::now(),
            shortest: seconds.map_or(SHORTEST, Duration::from_secs),
            is_control: controls::VARIABLES.iter().any(|variable| std::env::var_os(variable).is_some()),
            snapshots: Mutex::default(),
            counts: Counts::default(),
            harm: Harm::default(),
            wrong: Mutex::default(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        if self.shortest == SHORTEST && !self.wrong.lock().unwrap().is_empty() {
            return true;
        }
        let elapsed = self.started.elapsed();
        let has_seen_enough = !self.is_control && elapsed > self.shortest && self.counts.lacks().is_empty();
        has_seen_enough || elapsed > LONGEST.max(self.shortest)
    }

    pub(super) fn snapshot(&self, id: Id) -> Option<Arc<Snapshot>> {
        self.snapshots.lock().unwrap().by_id.get(&id).cloned()
    }

    pub(super) fn remember(&self, id: Id, snapshot: Snapshot) -> Arc<Snapshot> {
        let snapshot = Arc::new(snapshot);
        let mut snapshots = self.snapshots.lock().unwrap();
        snapshots.by_id.insert(id, Arc::clone(&snapshot));
        snapshots.in_order.push(Arc::clone(&snapshot));
        snapshot
    }

    /// Whether there is one that fits, the latest first.
    pub(super) fn any(&self, fits: impl Fn(&Snapshot) -> bool) -> bool {
        self.snapshots.lock().unwrap().in_order.iter().rev().any(|snapshot| fits(snapshot))
    }

    /// Compares what is read with the map of the id that it claims to be.
    pub(super) fn comparison(&self, what: &str, id: Id) -> Option<Comparison> {
        let snapshot = self.snapshot(id);
        if snapshot.is_none() {
            self.is_wrong(format!("{what} {id}, which was never published"));
        }
        snapshot.map(Comparison::with)
    }

    pub(super) fn conclude(&self, what: &str, id: Id, comparison: &Comparison) {
        if let Some(fault) = comparison.fault() {
            self.is_wrong(format!("{what} {id}: {fault}"));
        }
    }

    pub(super) fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// Everything that was wrong.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }
}
