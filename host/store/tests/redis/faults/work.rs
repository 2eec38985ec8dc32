//! What a refill finds, and what it is to publish.

use std::sync::LazyLock;

use kiwi_store::partition_of;

use super::*;

/// What a refill does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// The first map of a cache: its hash follows by a swap.
    First,
    Whole,
    Small,
    Delta,
    /// One of more than 1,000 keys, which the hash follows in steps.
    LargeDelta,
    /// A delta, and then all deltas become one version.
    Repack,
    /// Nothing has changed.
    Touch,
    /// The source fails in the middle of the load.
    Fail,
    /// The load is given up.
    Release,
    /// The source fails, and what the store has lost is published again.
    Restore,
}

impl Work {
    pub(super) const ALL: [Self; 10] = [
        Self::First,
        Self::Whole,
        Self::Small,
        Self::Delta,
        Self::LargeDelta,
        Self::Repack,
        Self::Touch,
        Self::Fail,
        Self::Release,
        Self::Restore,
    ];

    /// What is published before.
    pub(super) fn before(self) -> Option<&'static Map> {
        match self {
            Self::First | Self::Restore => None,
            Self::Small => Some(&SMALL[0]),
            _ => Some(&WHOLE[0]),
        }
    }

    /// What is to be published after it.
    pub(super) fn after(self) -> &'static Map {
        match self {
            Self::First | Self::Touch | Self::Fail | Self::Release | Self::Restore => &WHOLE[0],
            Self::Small => &SMALL[1],
            Self::Delta | Self::Repack => &FEW_CHANGED,
            Self::LargeDelta | Self::Whole => &WHOLE[1],
        }
    }
}

static SMALL: LazyLock<[Map; 2]> = LazyLock::new(|| [1, 2].map(|version| numbered(0..200, 30, version)));

/// They have few segments, because their keys are of few partitions; and more than one of one partition, of which the first
/// is written while entries are staged.
static WHOLE: LazyLock<[Map; 2]> = LazyLock::new(|| {
    [1, 2].map(|version| {
        let few = numbered(0..3_000, 250, version).into_iter().filter(|(key, _)| (1..3).contains(&partition_of(key)));
        let many = numbered(0..78_000, 250, version).into_iter().filter(|(key, _)| partition_of(key) == 0);
        few.chain(many).collect()
    })
});

static FEW_CHANGED: LazyLock<Map> = LazyLock::new(|| {
    let changed = WHOLE[1].iter().step_by(50).map(|(key, value)| (key.clone(), value.clone()));
    WHOLE[0].clone().into_iter().skip(3).chain(changed.skip(1)).chain(numbered(100_000..100_002, 9, 3)).collect()
});

fn numbered(numbers: std::ops::Range<usize>, bytes: usize, version: usize) -> Map {
    numbers.map(|number| (format!("key {number:06}"), format!("\"{number:0bytes$} {version}\""))).collect()
}
