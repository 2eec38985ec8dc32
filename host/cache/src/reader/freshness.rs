//! How old a copy is, and when it is stale: pure functions of what was seen and of the time.

use std::time::{Duration, Instant, SystemTime};

use kiwi_store::Head;

/// What a reader has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A copy that was checked against its source in time.
    Fresh,
    /// A copy that was not checked against its source for 2 x `refill_interval`, or the store could
    /// not be reached for that long. It is still served.
    Stale,
    /// Nothing: no snapshot was ever loaded here.
    Missing,
}

/// What a reader last saw of the snapshot it holds.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// When a refill last found that the snapshot still stands, by the store's clock.
    checked_at: SystemTime,
    refill_interval: Duration,
    /// The store's clock at the last look at it,
    store_now: SystemTime,
    /// and ours. The two are never compared with each other.
    at: Instant,
}

impl Seen {
    /// The snapshot was there, under this head.
    pub(super) fn new(head: &Head, store_now: SystemTime, at: Instant) -> Self {
        Self { checked_at: head.checked_at, refill_interval: head.refill_interval, store_now, at }
    }

    /// The store was there, but the snapshot we hold was not.
    pub(super) fn store_only(&self, store_now: SystemTime, at: Instant) -> Self {
        Self { store_now, at, ..self.clone() }
    }

    /// How long ago the source was last known to say what our copy says.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.unchecked_for() + now.saturating_duration_since(self.at)
    }

    /// Fresh or stale. A silence counts from two looks on: between looks nothing can be known.
    pub(super) fn state(&self, reload_ttl: Duration, now: Instant) -> State {
        let silence = now.saturating_duration_since(self.at);
        let allowed_silence = self.refill_interval.max(reload_ttl).saturating_mul(2);
        if self.unchecked_for() > self.refill_interval.saturating_mul(2) || silence > allowed_silence {
            State::Stale
        } else {
            State::Fresh
        }
    }

    fn unchecked_for(&self) -> Duration {
        // A store's clock that was set back makes a snapshot look new, not infinitely old.
        self.store_now.duration_since(self.checked_at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiwi_store::{Id, Root};

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn head(checked_at: SystemTime) -> Head {
        let mut head = Head::new(Id::random(), 0, 0, Root::default());
        (head.loaded_at, head.checked_at, head.refill_interval) = (checked_at, checked_at, MINUTE);
        head
    }

    /// What is seen of a snapshot checked so long before the look.
    fn seen(unchecked_for: Duration, at: Instant) -> Seen {
        // Far from our own clock: only the store's times may be compared with each other.
        let store_now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        Seen::new(&head(store_now - unchecked_for), store_now, at)
    }

    #[test]
    fn stale_is_what_was_not_checked_for_two_refill_intervals_by_the_stores_clock() {
        let at = Instant::now();
        assert_eq!(seen(2 * MINUTE, at).state(MINUTE, at), State::Fresh);
        assert_eq!(seen(2 * MINUTE + SECOND, at).state(MINUTE, at), State::Stale);
    }

    #[test]
    fn stale_is_what_a_store_says_nothing_of_for_two_refill_intervals() {
        let at = Instant::now();
        let seen = seen(MINUTE, at);
        assert_eq!(seen.state(SECOND, at + 2 * MINUTE), State::Fresh);
        assert_eq!(seen.state(SECOND, at + 2 * MINUTE + SECOND), State::Stale);
    }

    #[test]
    fn a_reader_that_looks_seldom_is_not_stale_between_looks() {
        let at = Instant::now();
        let seen = seen(MINUTE, at);
        assert_eq!(seen.state(10 * MINUTE, at + 11 * MINUTE), State::Fresh);
        assert_eq!(seen.state(10 * MINUTE, at + 21 * MINUTE), State::Stale);
    }

    #[test]
    fn a_look_that_does_not_find_our_snapshot_breaks_the_silence_but_checks_nothing() {
        let at = Instant::now();
        let seen = seen(MINUTE, at);
        let later = |minutes: u32| seen.store_only(seen.store_now + minutes * MINUTE, at + minutes * MINUTE);
        assert_eq!(later(1).state(MINUTE, at + MINUTE), State::Fresh);
        assert_eq!(later(2).state(MINUTE, at + 2 * MINUTE), State::Stale);
        assert_eq!(later(2).age(at + 2 * MINUTE), 3 * MINUTE);
    }

    #[test]
    fn age_goes_on_between_looks_and_a_clock_set_back_does_not_break_it() {
        let at = Instant::now();
        assert_eq!(seen(MINUTE, at).age(at + SECOND), MINUTE + SECOND);
        let store_now = SystemTime::UNIX_EPOCH;
        let seen = Seen::new(&head(store_now + MINUTE), store_now, at);
        assert_eq!((seen.age(at), seen.state(MINUTE, at)), (Duration::ZERO, State::Fresh));
    }
}
