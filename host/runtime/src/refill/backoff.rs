//! How long to wait after a failure: pure functions, the same on every host.
//!
//! One formula for every kind of failure, because what a source answers may change at any moment: 1 s, 2 s, 4 s, ...
//! up to a minute or `refill_interval`, whichever is shorter, but at least 5 s. A source that asks for more time
//! (Retry-After) gets it, up to a day. The failures are counted over all hosts of one definition, and a success ends
//! the count. Where no source was asked, because the store failed before, the store is asked again within seconds.

use std::time::Duration;

/// The first delay; it doubles with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Delays grow up to this, or up to the refill interval where that is shorter...
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// ... but not less than this.
const MIN_CAP: Duration = Duration::from_secs(5);
/// A source may ask to be left alone, but not forever.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Delays grow up to this where no source was asked.
const MAX_STORE_BACKOFF: Duration = Duration::from_secs(4);
/// How soon to look again where another host holds the lease.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a source is left alone after this many failures in a row, on this host and on all others of its
/// definition. `retry_after` is what the source has asked for.
pub(crate) fn backoff(failures: u32, refill_interval: Duration, retry_after: Option<Duration>) -> Duration {
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    doubled(failures).min(refill_interval.clamp(MIN_CAP, MAX_BACKOFF)).max(asked)
}

/// How long until the store is asked again that has failed this many times in a row before any source was asked.
pub(crate) fn store_backoff(failures: u32) -> Duration {
    doubled(failures).min(MAX_STORE_BACKOFF)
}

/// One second, two, four, ...
pub(crate) fn doubled(times: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delays(interval: Duration) -> Vec<u64> {
        (1..=8).map(|failures| backoff(failures, interval, None).as_secs()).collect()
    }

    #[test]
    fn delays_grow_up_to_a_minute_or_the_interval() {
        assert_eq!(delays(Duration::from_secs(3_600)), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delays(Duration::from_secs(20)), [1, 2, 4, 8, 16, 20, 20, 20]);
        assert_eq!(delays(Duration::from_millis(50)), [1, 2, 4, 5, 5, 5, 5, 5]);
        assert_eq!(backoff(u32::MAX, Duration::MAX, None), MAX_BACKOFF);
        let store: Vec<u64> = (1..=6).map(|failures| store_backoff(failures).as_secs()).collect();
        assert_eq!(store, [1, 2, 4, 4, 4, 4]);
    }

    proptest! {
        #[test]
        fn a_source_is_never_asked_before_it_allows(
            seconds in 0u64..100_000, failures in 1u32..100, interval in 1u64..1_000_000,
        ) {
            let asked = Duration::from_secs(seconds);
            let backoff = backoff(failures, Duration::from_millis(interval), Some(asked));
            prop_assert!(backoff >= asked.min(MAX_RETRY_AFTER) && backoff <= MAX_RETRY_AFTER);
        }

        #[test]
        fn delays_grow_with_failures_and_stay_between_their_bounds(failures in 1u32..60, interval in 1u64..1_000_000) {
            let interval = Duration::from_millis(interval);
            let delay = backoff(failures, interval, None);
            prop_assert!(delay <= backoff(failures + 1, interval, None));
            prop_assert!(delay >= FIRST_BACKOFF && delay <= MAX_BACKOFF);
        }
    }
}
