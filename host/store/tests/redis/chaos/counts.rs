//! What a run counts, and how often each of it must have happened.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Swaps,
    SmallMaps,
    Deltas,
    LargeDeltas,
    Touches,
    Refusals,
    Repacks,
    Followed,
    Loads,
    Broken,
    Absences,
    Gets,
    Views,
    WholeViews,
    ViewsOnTheWay,
    Flushes,
    Restores,
    LostKeys,
    LostSegments,
    LostStaged,
}

const ALL: [Count; 20] = [
    Count::Swaps,
    Count::SmallMaps,
    Count::Deltas,
    Count::LargeDeltas,
    Count::Touches,
    Count::Refusals,
    Count::Repacks,
    Count::Followed,
    Count::Loads,
    Count::Broken,
    Count::Absences,
    Count::Gets,
    Count::Views,
    Count::WholeViews,
    Count::ViewsOnTheWay,
    Count::Flushes,
    Count::Restores,
    Count::LostKeys,
    Count::LostSegments,
    Count::LostStaged,
];

impl Count {
    /// How often it must have happened for a run to have shown something.
    fn enough(self) -> usize {
        match self {
            Self::Views => 2_000,
            Self::Loads | Self::WholeViews | Self::Gets => 100,
            Self::Repacks | Self::Broken | Self::ViewsOnTheWay | Self::Flushes => 1,
            _ => 5,
        }
    }
}

/// How often each of it has happened.
#[derive(Default)]
pub(super) struct Counts([AtomicUsize; ALL.len()]);

impl Counts {
    pub(super) fn add(&self, count: Count) {
        self.0[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, count: Count) -> usize {
        self.0[count as usize].load(Ordering::Relaxed)
    }

    /// What has not happened often enough.
    pub(super) fn lacks(&self) -> Vec<Count> {
        ALL.into_iter().filter(|&count| self.of(count) < count.enough()).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = ALL.map(|count| format!("{count:?} {}", self.of(count)));
        f.write_str(&counts.join(", "))
    }
}
