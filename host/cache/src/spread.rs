//! For how long a whole load is put off that a hint calls for: all readers hear it at the same moment, and would load the
//! same map at once.

use std::time::Duration;

/// How fast a store is assumed to send, in bytes a second.
const BYTES_PER_SECOND: f64 = 250e6;
/// By which factor a map is assumed to be compressed.
const COMPRESSION: f64 = 4.0;
/// A map of up to so many bytes is not put off, however many readers there are.
const MAX_SMALL_BYTES: u64 = 64 << 10;
/// Loads that take less than this, all together, are not put off.
const MIN_SPREAD: Duration = Duration::from_millis(50);
/// The longest that a load is put off, if `reload_ttl` is not shorter.
const MAX_SPREAD: Duration = Duration::from_secs(10);

/// Whether a map of so many bytes is loaded at once, however many readers there are.
pub(crate) fn is_small(bytes: u64) -> bool {
    bytes <= MAX_SMALL_BYTES
}

/// For how long the load of a map is put off: a random part of the time that the store needs to send it to all subscribers.
///
/// `bytes` are those of the map before it is compressed, `random` may be any number. It is never longer than `reload_ttl`,
/// and zero for a single subscriber.
pub(crate) fn delay(bytes: u64, subscribers: u64, reload_ttl: Duration, random: u32) -> Duration {
    if is_small(bytes) || subscribers <= 1 {
        return Duration::ZERO;
    }
    let seconds = subscribers as f64 * bytes as f64 / COMPRESSION / BYTES_PER_SECOND;
    let spread = Duration::try_from_secs_f64(seconds).unwrap_or(MAX_SPREAD).min(MAX_SPREAD).min(reload_ttl);
    if spread < MIN_SPREAD { Duration::ZERO } else { spread.mul_f64(f64::from(random) / f64::from(u32::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MB: u64 = 1_000_000;

    /// The longest delay.
    fn spread(bytes: u64, subscribers: u64, reload_ttl: Duration) -> Duration {
        delay(bytes, subscribers, reload_ttl, u32::MAX)
    }

    #[test]
    fn it_is_the_time_in_which_all_subscribers_can_be_sent_the_map() {
        assert_eq!(spread(100 * MB, 20, HOUR), Duration::from_secs(2));
        assert_eq!(spread(10 * MB, 200, HOUR), Duration::from_secs(2));
        assert_eq!(delay(100 * MB, 20, HOUR, 0), Duration::ZERO);
        let half = delay(100 * MB, 20, HOUR, u32::MAX / 2);
        assert!(half.abs_diff(Duration::from_secs(1)) < Duration::from_millis(1), "{half:?}");
    }

    #[test]
    fn it_is_bounded_by_reload_ttl_and_ten_seconds() {
        assert_eq!(spread(100 * MB, 10_000, HOUR), Duration::from_secs(10));
        assert_eq!(spread(100 * MB, 10_000, Duration::from_secs(3)), Duration::from_secs(3));
        assert_eq!(spread(u64::MAX, u64::MAX, Duration::MAX), Duration::from_secs(10));
        assert_eq!(spread(100 * MB, 10_000, Duration::from_millis(49)), Duration::ZERO);
    }

    #[test]
    fn small_maps_few_readers_and_a_reader_alone_do_not_wait() {
        assert_eq!(spread(MAX_SMALL_BYTES, 1_000_000, HOUR), Duration::ZERO);
        assert_eq!(spread(MB, 49, HOUR), Duration::ZERO);
        assert_eq!(spread(MB, 50, HOUR), Duration::from_millis(50));
        for subscribers in [0, 1] {
            assert_eq!(spread(1_000 * MB, subscribers, HOUR), Duration::ZERO);
        }
    }
}
