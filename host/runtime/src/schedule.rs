//! When a cache is refilled next: a pure function of what happened and of the time. No clock, no
//! I/O, no randomness of its own.

use std::time::Duration;

use crate::failure::{Failure, FailureKind};
use crate::outcome::Outcome;

/// The first delay after a source was unavailable; it doubles with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Delays grow up to this, or up to the refill interval where that is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// A source may ask to be left alone, but not for ever.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon to try again where a store failed, or another host holds the lease.
const SOON: Duration = Duration::from_secs(1);
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

/// What is due after an outcome. `failures` counts the failures in a row, this one included;
/// `random` lies in `0.0..1.0` and spreads the delay.
pub(crate) fn next(outcome: &Outcome, failures: u32, refill_interval: Duration, random: f64) -> Next {
    match outcome {
        // Never early: the store would say that it is not due, and the source is not asked more often than was said.
        Outcome::Published { .. } | Outcome::Unchanged { .. } => Next::After(longer(refill_interval, SPREAD * random)),
        Outcome::Fresh { left } => Next::After(later(*left, random)),
        Outcome::Busy { left } => Next::After(later((*left).min(refill_interval).min(SOON), random)),
        Outcome::Backoff { left } => Next::After(later(*left, random)),
        Outcome::Failed(failure) if failure.kind.needs_a_change() => Next::Never,
        Outcome::Failed(failure) => Next::After(later(backoff(failure, failures, refill_interval), random)),
        Outcome::Abandoned => Next::After(later(SOON, random)),
    }
}

/// How long a source is left alone after a failure, on this host and on all others.
pub(crate) fn backoff(failure: &Failure, failures: u32, refill_interval: Duration) -> Duration {
    let asked = failure.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    match failure.kind {
        FailureKind::Unavailable => doubled(failures).min(refill_interval.max(LONGEST_BACKOFF)).max(asked),
        // The source was asked in vain: not each second, while the store is full.
        FailureKind::Store => doubled(failures).min(refill_interval.max(LONGEST_BACKOFF)),
        // Asking whether the store is back costs the source nothing.
        FailureKind::StoreUnavailable => SOON,
        // Another host may have another configuration.
        FailureKind::InvalidSettings | FailureKind::Denied => Duration::ZERO,
        _ => refill_interval,
    }
}

/// How long to wait when data that was published is found to be missing or lost, for the `losses`th
/// time in a row: not at all at first, then longer and longer, because something takes it away.
pub(crate) fn after_loss(losses: u32, refill_interval: Duration) -> Duration {
    if losses <= 1 { Duration::ZERO } else { doubled(losses - 1).min(refill_interval) }
}

/// How many times in a row data was lost, with this time, after it had lived this long.
pub(crate) fn losses_in_a_row(losses: u32, lived: Duration) -> u32 {
    if lived > LONGEST_BACKOFF { 1 } else { losses.saturating_add(1) }
}

/// One second, two, four, ...
fn doubled(times: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX))
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

    fn failed(kind: FailureKind, retry_after: Option<Duration>) -> Outcome {
        Outcome::Failed(Failure { retry_after, ..Failure::new(kind, "x") })
    }

    fn delay(outcome: &Outcome, failures: u32, interval: Duration, random: f64) -> Duration {
        match next(outcome, failures, interval, random) {
            Next::After(delay) => delay,
            Next::Never => panic!("expected a delay"),
        }
    }

    #[test]
    fn an_unavailable_source_is_tried_with_growing_delays() {
        let outcome = failed(FailureKind::Unavailable, None);
        let delays: Vec<u64> = (1..=8).map(|n| delay(&outcome, n, Duration::from_secs(5), 0.0).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(&outcome, 99, Duration::from_secs(300), 0.0).as_secs(), 300);
    }

    #[test]
    fn what_only_a_change_can_mend_is_not_tried_again() {
        for kind in [FailureKind::InvalidSettings, FailureKind::Denied] {
            assert_eq!(next(&failed(kind, None), 1, Duration::from_secs(5), 0.5), Next::Never);
        }
        assert_eq!(delay(&failed(FailureKind::Other, None), 1, Duration::from_secs(5), 0.0).as_secs(), 5);
        assert_eq!(delay(&failed(FailureKind::Trap, None), 9, Duration::from_secs(5), 0.0).as_secs(), 5);
    }

    #[test]
    fn who_loads_once_and_for_all_waits_for_ever() {
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
        fn a_source_is_never_asked_before_it_allows(
            seconds in 0u64..100_000, failures in 1u32..100, interval in 1u64..1_000_000, random in 0.0..1.0,
        ) {
            let asked = Duration::from_secs(seconds);
            let outcome = failed(FailureKind::Unavailable, Some(asked));
            prop_assert!(delay(&outcome, failures, Duration::from_millis(interval), random) >= asked.min(LONGEST_RETRY_AFTER));
        }

        #[test]
        fn a_good_snapshot_is_checked_again_when_its_interval_is_over(interval in 1u64..10_000_000, random in 0.0..1.0) {
            let interval = Duration::from_millis(interval);
            let outcome = Outcome::Unchanged { id: kiwi_store::Id::random(), entries: 1, took: Duration::ZERO };
            let delay = delay(&outcome, 0, interval, random);
            prop_assert!(delay >= interval && delay <= interval.mul_f64(1.0051));
        }

        #[test]
        fn delays_grow_with_failures(failures in 1u32..60, interval in 1u64..1_000_000) {
            let outcome = failed(FailureKind::Unavailable, None);
            let interval = Duration::from_millis(interval);
            prop_assert!(delay(&outcome, failures, interval, 0.0) <= delay(&outcome, failures + 1, interval, 0.0));
        }
    }
}
