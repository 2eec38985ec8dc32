//! How long a source is left alone after a failure: a pure function, the same on every host.

use std::time::Duration;

use crate::failure::{Failure, FailureKind};

/// The first delay after a source was unavailable; it doubles with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Delays grow up to this, or up to the refill interval where that is longer.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// A source may ask to be left alone, but not forever.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon to try again where the store failed, or another host holds the lease.
pub(crate) const STORE_BACKOFF: Duration = Duration::from_secs(1);

/// How long a source is left alone after a failure, on this host and on all others.
pub(crate) fn backoff(failure: &Failure, failures: u32, refill_interval: Duration) -> Duration {
    let asked = failure.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    match failure.kind {
        FailureKind::Unavailable => doubled(failures).min(refill_interval.max(MAX_BACKOFF)).max(asked),
        // The source was asked in vain: it must not be asked every second while the store is full.
        FailureKind::Store => doubled(failures).min(refill_interval.max(MAX_BACKOFF)),
        // Asking whether the store is back costs the source nothing.
        FailureKind::StoreUnavailable => STORE_BACKOFF,
        // Another host may have another configuration.
        FailureKind::InvalidSettings | FailureKind::Denied => Duration::ZERO,
        _ => refill_interval,
    }
}

/// One second, two, four, ...
pub(crate) fn doubled(times: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(kind: FailureKind, retry_after: Option<Duration>) -> Failure {
        Failure { retry_after, ..Failure::new(kind, "x") }
    }

    #[test]
    fn an_unavailable_source_is_retried_with_growing_delays() {
        let failure = failed(FailureKind::Unavailable, None);
        let delays: Vec<u64> = (1..=8).map(|n| backoff(&failure, n, Duration::from_secs(5)).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(&failure, 99, Duration::from_secs(300)).as_secs(), 300);
    }

    proptest! {
        #[test]
        fn a_source_is_never_asked_before_it_allows(
            seconds in 0u64..100_000, failures in 1u32..100, interval in 1u64..1_000_000,
        ) {
            let asked = Duration::from_secs(seconds);
            let failure = failed(FailureKind::Unavailable, Some(asked));
            let backoff = backoff(&failure, failures, Duration::from_millis(interval));
            prop_assert!(backoff >= asked.min(MAX_RETRY_AFTER));
        }

        #[test]
        fn delays_grow_with_failures(failures in 1u32..60, interval in 1u64..1_000_000) {
            let failure = failed(FailureKind::Unavailable, None);
            let interval = Duration::from_millis(interval);
            prop_assert!(backoff(&failure, failures, interval) <= backoff(&failure, failures + 1, interval));
        }
    }
}
