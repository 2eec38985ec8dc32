//! When a reader polls next, where no hint calls for it earlier.

use std::time::Duration;

use tokio::time::Instant;

use crate::freshness::State;
use kiwi_store::Result;

/// The longest time between two polls of a reader that holds nothing.
const MAX_FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time to the next poll after one that failed. It doubles with each failure.
const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// The longest time between two polls while they fail, if `reload_ttl` is not shorter.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// By which part an interval may be shorter than it is set, at random, so that a thousand readers that were started
/// together do not poll together. It is never longer.
const SPREAD: f64 = 0.2;
/// The same after a failure, which all readers of a store may see at the same moment.
const RETRY_SPREAD: f64 = 0.5;

/// Longer than any program runs, and short enough to be added to any time.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The schedule of one reader.
#[derive(Debug)]
pub(crate) struct Polling {
    reload_ttl: Duration,
    /// How many polls in a row have failed.
    failures: u32,
    next: Instant,
}

impl Polling {
    pub(crate) fn new(reload_ttl: Duration) -> Self {
        Self { reload_ttl, failures: 0, next: Instant::now() }
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    pub(crate) fn poll_soon(&mut self) {
        self.next = Instant::now();
    }

    /// The time between two polls of a reader that holds nothing.
    pub(crate) fn first_interval(&self) -> Duration {
        self.reload_ttl.min(MAX_FIRST_INTERVAL)
    }

    /// A poll has ended.
    pub(crate) fn ended(&mut self, outcome: &Result<()>, state: State) {
        self.failures = match outcome {
            // What a host has published stays as it is: another poll finds the same.
            Err(error) if error.is_value() => 0,
            Err(_) => self.failures.saturating_add(1),
            Ok(()) => 0,
        };
        self.next = Instant::now() + self.interval(state, random());
    }

    fn interval(&self, state: State, random: u32) -> Duration {
        match (state, self.failures) {
            (State::Missing, _) => shortened(self.first_interval(), SPREAD, random),
            (_, 0) => shortened(self.reload_ttl, SPREAD, random),
            (_, failures) => {
                let doubled = MIN_RETRY_INTERVAL.saturating_mul(2_u32.saturating_pow(failures - 1));
                shortened(doubled.min(MAX_RETRY_INTERVAL).min(self.reload_ttl), RETRY_SPREAD, random)
            }
        }
    }
}

/// `interval`, shortened by up to the part `spread` of it, by `random`, which may be any number.
fn shortened(interval: Duration, spread: f64, random: u32) -> Duration {
    let interval = interval.min(FOREVER);
    interval - interval.mul_f64(spread * f64::from(random) / f64::from(u32::MAX))
}

pub(crate) fn random() -> u32 {
    // Without random numbers all readers poll, or load, in the middle of the range, which is correct but less spread.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiwi_store::Error;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    fn after(outcomes: &[Result<()>], reload_ttl: Duration) -> Polling {
        let mut polling = Polling::new(reload_ttl);
        outcomes.iter().for_each(|outcome| polling.ended(outcome, State::Fresh));
        polling
    }

    /// The shortest and the longest interval.
    fn bounds(polling: &Polling, state: State) -> [Duration; 2] {
        [polling.interval(state, u32::MAX), polling.interval(state, 0)]
    }

    #[test]
    fn jitter_never_exceeds_reload_ttl() {
        for state in [State::Fresh, State::Stale] {
            assert_eq!(bounds(&after(&[Ok(())], MINUTE), state), [Duration::from_secs(48), MINUTE]);
        }
        let forever = after(&[Ok(())], Duration::MAX);
        assert!(forever.interval(State::Fresh, 0) > HOUR, "an interval of forever must not panic");
    }

    #[test]
    fn a_reader_that_holds_nothing_polls_each_second_or_more_often() {
        let failed = || Err(Error::unavailable("away"));
        let second = Duration::from_secs(1);
        assert_eq!(bounds(&after(&[failed(), failed()], HOUR), State::Missing), [second * 4 / 5, second]);
        assert_eq!(after(&[], second / 10).first_interval(), second / 10);
    }

    #[test]
    fn a_failed_poll_is_tried_again_within_two_seconds_and_then_less_often() {
        let failed = |count| (0..count).map(|_| Err(Error::unavailable("away"))).collect::<Vec<_>>();
        let seconds = Duration::from_secs;
        assert_eq!(bounds(&after(&failed(1), HOUR), State::Fresh), [seconds(1), seconds(2)]);
        assert_eq!(bounds(&after(&failed(2), HOUR), State::Stale), [seconds(2), seconds(4)]);
        for count in [6, 40] {
            assert_eq!(bounds(&after(&failed(count), HOUR), State::Fresh), [seconds(30), MINUTE]);
            assert_eq!(bounds(&after(&failed(count), seconds(1)), State::Fresh), [seconds(1) / 2, seconds(1)]);
        }
        let back = [failed(3), vec![Ok(())]].concat();
        assert_eq!(after(&back, HOUR).interval(State::Fresh, 0), HOUR, "a success ends it");
    }

    #[test]
    fn a_value_of_another_type_is_not_polled_for_again_and_again() {
        let polling = after(&[Err(Error::value("not a number"))], HOUR);
        assert_eq!(polling.interval(State::Fresh, 0), HOUR);
    }
}
