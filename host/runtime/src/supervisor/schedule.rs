//! When a cache is refilled next: a pure function of what happened and of the time. No clock, no
//! I/O, no randomness of its own.

use std::time::Duration;

use crate::events::outcome::Outcome;
use crate::refill::backoff::{MAX_BACKOFF, STORE_BACKOFF, backoff, doubled};

/// Delays vary by this part, so that hosts that wait for the same spread out.
const JITTER: f64 = 0.1;
/// Intervals vary by this part, so that caches started together spread out in time.
const SPREAD: f64 = 0.005;

/// What to do with a cache next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try to refill it after this time, or at once when its data turns out to be missing or lost.
    After(Duration),
    /// Leave it: only a change of its settings, grants or plugin can help.
    Never,
}

impl Next {
    /// After which time; `None` is never.
    pub(crate) fn delay(self) -> Option<Duration> {
        match self {
            Self::After(delay) => Some(delay),
            Self::Never => None,
        }
    }
}

/// What is due after an outcome. `failures` counts the failures in a row, this one included;
/// `random` lies in `0.0..1.0` and spreads the delay.
pub(crate) fn next(outcome: &Outcome, failures: u32, refill_interval: Duration, random: f64) -> Next {
    match outcome {
        // Never early: the store would say that it is not due, and the source is not asked more often than was said.
        Outcome::Published { .. } | Outcome::Unchanged { .. } => Next::After(longer(refill_interval, SPREAD * random)),
        Outcome::Fresh { left } => Next::After(later(*left, random)),
        Outcome::Busy { left } => Next::After(later((*left).min(refill_interval).min(STORE_BACKOFF), random)),
        Outcome::Backoff { left } => Next::After(later(*left, random)),
        Outcome::Failed(failure) if failure.kind.needs_a_change() => Next::Never,
        Outcome::Failed(failure) => Next::After(later(backoff(failure, failures, refill_interval), random)),
        Outcome::Abandoned => Next::After(later(STORE_BACKOFF, random)),
    }
}

/// How long to wait when data that was published is found to be missing or lost, for the `losses`th
/// time in a row: not at all at first, then longer and longer, because something takes it away.
pub(crate) fn after_loss(losses: u32, refill_interval: Duration) -> Duration {
    if losses <= 1 { Duration::ZERO } else { doubled(losses - 1).min(refill_interval) }
}

/// How many times in a row data was lost, with this time, after it had lived this long.
pub(crate) fn losses_in_a_row(losses: u32, lived: Duration) -> u32 {
    if lived > MAX_BACKOFF { 1 } else { losses.saturating_add(1) }
}

/// Longer by this part. What is beyond any duration stays as it is.
fn longer(delay: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(delay.as_secs_f64() * (1.0 + part)).unwrap_or(delay).max(delay)
}

fn later(delay: Duration, random: f64) -> Duration {
    longer(delay, JITTER * random)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::{Failure, FailureKind};

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed(Failure::new(kind, "x"))
    }

    fn delay(outcome: &Outcome, failures: u32, interval: Duration, random: f64) -> Duration {
        next(outcome, failures, interval, random).delay().expect("it is retried")
    }

    #[test]
    fn what_needs_a_change_is_not_retried() {
        for kind in [FailureKind::InvalidSettings, FailureKind::Denied] {
            assert_eq!(next(&failed(kind), 1, Duration::from_secs(5), 0.5), Next::Never);
        }
        assert_eq!(delay(&failed(FailureKind::Other), 1, Duration::from_secs(5), 0.0).as_secs(), 5);
        assert_eq!(delay(&failed(FailureKind::Trap), 9, Duration::from_secs(5), 0.0).as_secs(), 5);
    }

    #[test]
    fn an_interval_of_any_length_is_waited_for() {
        let outcome = Outcome::Unchanged { id: kiwi_store::Id::random(), entries: 1, took: Duration::ZERO };
        assert_eq!(delay(&outcome, 0, Duration::MAX, 0.9), Duration::MAX);
    }

    #[test]
    fn data_that_is_lost_again_and_again_is_loaded_with_growing_delays() {
        let delays: Vec<u64> = (1..=7).map(|n| after_loss(n, Duration::from_secs(10)).as_secs()).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 10, 10]);
        assert_eq!(losses_in_a_row(3, Duration::from_secs(1)), 4);
        assert_eq!(losses_in_a_row(3, Duration::from_secs(3600)), 1);
    }

    proptest! {
        #[test]
        fn a_good_snapshot_is_checked_again_when_its_interval_is_over(interval in 1u64..10_000_000, random in 0.0..1.0) {
            let interval = Duration::from_millis(interval);
            let outcome = Outcome::Unchanged { id: kiwi_store::Id::random(), entries: 1, took: Duration::ZERO };
            let delay = delay(&outcome, 0, interval, random);
            prop_assert!(delay >= interval && delay <= interval.mul_f64(1.0051));
        }
    }
}
