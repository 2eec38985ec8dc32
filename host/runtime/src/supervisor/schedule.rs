//! When a cache is refilled next: a pure function of what happened and of the time. No clock, no
//! I/O, no randomness of its own.

use std::time::Duration;

use kiwi_store::{DefinitionId, LeaseState, Status};

use crate::events::outcome::Outcome;
use crate::refill::backoff::{LOOK_AGAIN, doubled};

/// Delays vary by this part, so that hosts that wait for the same spread out...
const JITTER: f64 = 0.1;
/// ... but not by more than this.
const MAX_JITTER: Duration = Duration::from_secs(5);
/// Intervals vary by this part, so that caches started together spread out in time.
const SPREAD: f64 = 0.005;
/// Data that has lived for this long was not lost again, but for the first time.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// After which time a cache is due again; at once if its data turns out to be missing or lost. `backoff` is how long
/// to wait after a failure; `random` lies in `0.0..1.0` and spreads the delay.
pub(crate) fn next(outcome: &Outcome, backoff: Duration, refill_interval: Duration, random: f64) -> Duration {
    match outcome {
        // Never early: the store would say that it is not due, and the source is not asked more often than was said.
        Outcome::Published { .. } | Outcome::Unchanged { .. } => longer(refill_interval, SPREAD * random),
        // As early as the host that published: it may have another definition, and if that of this host is wrong, it
        // must show. Over hosts of its own definition the store gives it a head start.
        Outcome::Fresh { left } => longer(*left, SPREAD * random),
        Outcome::Backoff { left } => later(*left, random),
        Outcome::Busy { left } => later((*left).min(refill_interval).min(LOOK_AGAIN), random),
        Outcome::Failed(_) => later(backoff, random),
        Outcome::Abandoned => later(LOOK_AGAIN, random),
    }
}

/// Whether a back-off of this definition is left.
pub(crate) fn is_left_alone(status: &Status, definition: DefinitionId) -> bool {
    status.failing.iter().any(|failing| failing.definition == definition && failing.retry_at > status.now)
}

/// Whether a cache is overdue by what its store says, whatever the task of this host waits for: the last refill is
/// longer ago than the interval, no host is loading it, and no back-off of this definition is left. Each task has its
/// time to begin by itself first.
pub(crate) fn is_overdue(status: &Status, definition: DefinitionId, refill_interval: Duration) -> bool {
    let Some(head) = status.presence.whole() else { return false };
    let own = status.failing.iter().find(|failing| failing.definition == definition);
    let patience = MAX_JITTER + LOOK_AGAIN;
    let due_at = head.checked_at.checked_add(longer(refill_interval, SPREAD).saturating_add(patience));
    let allowed_at = own.and_then(|failing| failing.retry_at.checked_add(patience));
    let is_held = matches!(status.lease, LeaseState::Held { .. });
    !is_held && due_at.is_some_and(|at| status.now > at) && allowed_at.is_none_or(|at| status.now > at)
}

/// How long to wait when data that was published is found to be missing or lost, for the `losses`th
/// time in a row: not at all at first, then longer and longer, because something takes it away.
pub(crate) fn after_loss(losses: u32, refill_interval: Duration) -> Duration {
    if losses <= 1 { Duration::ZERO } else { doubled(losses - 1).min(refill_interval) }
}

/// How many times in a row data was lost, with this time, after it had lived this long.
pub(crate) fn losses_in_a_row(losses: u32, lived: Duration) -> u32 {
    if lived > LONG_LIFE { 1 } else { losses.saturating_add(1) }
}

/// Longer by this part. What is beyond any duration stays as it is.
fn longer(delay: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(delay.as_secs_f64() * (1.0 + part)).unwrap_or(delay).max(delay)
}

fn later(delay: Duration, random: f64) -> Duration {
    longer(delay, JITTER * random).min(delay.saturating_add(MAX_JITTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::{Failure, FailureKind};

    fn failed(kind: FailureKind) -> Outcome {
        Outcome::Failed(Failure::new(kind, "x"))
    }

    #[test]
    fn whatever_a_source_says_it_is_asked_again_after_the_backoff() {
        let backoff = Duration::from_secs(8);
        for kind in [FailureKind::InvalidSettings, FailureKind::Denied, FailureKind::Other, FailureKind::Trap] {
            let delay = |random| next(&failed(kind), backoff, Duration::from_secs(3_600), random);
            assert_eq!(delay(0.0), backoff);
            assert!(delay(0.99) < backoff.mul_f64(1.1));
        }
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(next(&failed(FailureKind::Unavailable), day, backoff, 0.99) <= day + MAX_JITTER);
    }

    #[test]
    fn an_interval_of_any_length_is_waited_for() {
        let outcome = Outcome::Unchanged { id: kiwi_store::Id::random(), entries: 1, took: Duration::ZERO };
        assert_eq!(next(&outcome, Duration::ZERO, Duration::MAX, 0.9), Duration::MAX);
        assert_eq!(next(&Outcome::Backoff { left: Duration::MAX }, Duration::ZERO, LOOK_AGAIN, 0.9), Duration::MAX);
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
            let delay = next(&outcome, Duration::ZERO, interval, random);
            prop_assert!(delay >= interval && delay <= interval.mul_f64(1.0051));
        }
    }
}
