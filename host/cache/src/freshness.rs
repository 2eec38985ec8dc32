//! How old a copy is, and when it is stale: pure functions of what was seen and of the time.

use std::time::{Duration, SystemTime};

use kiwi_store::{Head, Push};
use tokio::time::Instant;

/// Whether a reader has a copy, and whether that copy was checked against its source in time.
///
/// ```
/// use kiwi_cache::{Cache, State};
///
/// let airlines = Cache::fixed([("FR", "Ryanair")]);
/// assert_eq!(airlines.state(), State::Fresh);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The copy was checked against its source in time.
    Fresh,
    /// The copy was not checked against its source for 2 x `refill_interval`, or the store could not be
    /// reached for that long. It is still served.
    Stale,
    /// There is no copy: this reader has not loaded a snapshot yet.
    Missing,
}

/// What a reader last saw of the snapshot it holds.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// When a refill last found that the snapshot is still what the source has, by the store's clock.
    checked_at: SystemTime,
    refill_interval: Duration,
    /// The store's clock at the last poll. It is never compared with our own clock.
    store_now: SystemTime,
    /// Our own clock at the last poll.
    polled_at: Instant,
    push: Push,
    /// Whether the store has ever said that the snapshot is there: a copy on disk is not enough.
    is_confirmed: bool,
}

impl Seen {
    /// A poll found the snapshot, under this head.
    pub(crate) fn new(head: &Head, store_now: SystemTime, polled_at: Instant) -> Self {
        let Head { checked_at, refill_interval, push, .. } = *head;
        Self { checked_at, refill_interval, store_now, polled_at, push, is_confirmed: true }
    }

    /// Of a copy on disk, before the store was asked. Its times are by the store's clock, and only ours is at hand.
    pub(crate) fn copied(head: &Head) -> Self {
        Self { is_confirmed: false, ..Self::new(head, SystemTime::now(), Instant::now()) }
    }

    /// Of a snapshot that is in no store: it is always fresh.
    pub(crate) fn fixed() -> Self {
        let now = SystemTime::now();
        let (refill_interval, push) = (Duration::MAX, Push::Hint);
        Self { checked_at: now, refill_interval, store_now: now, polled_at: Instant::now(), push, is_confirmed: true }
    }

    /// A poll reached the store, but did not find the snapshot that is held.
    pub(crate) fn store_only(&self, store_now: SystemTime, polled_at: Instant) -> Self {
        Self { store_now, polled_at, ..self.clone() }
    }

    /// The store has the snapshot, and says nothing of when it was checked.
    pub(crate) fn confirmed(self) -> Self {
        Self { is_confirmed: true, ..self }
    }

    /// Whether an announcement is relied on for what changes: by what the store said, and not by the announcement.
    pub(crate) fn takes_pushed_deltas(&self) -> bool {
        self.push == Push::Delta
    }

    /// How long ago the source was last known to have what the copy has.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.unchecked_for() + now.saturating_duration_since(self.polled_at)
    }

    /// Fresh or stale. The silence of the store may last two intervals, because nothing is known between polls.
    pub(crate) fn state(&self, reload_ttl: Duration, now: Instant) -> State {
        let silence = now.saturating_duration_since(self.polled_at);
        let allowed_silence = self.refill_interval.max(reload_ttl).saturating_mul(2);
        if !self.is_confirmed {
            return State::Stale;
        }
        if self.unchecked_for() > self.refill_interval.saturating_mul(2) || silence > allowed_silence {
            State::Stale
        } else {
            State::Fresh
        }
    }

    fn unchecked_for(&self) -> Duration {
        // If the store's clock was set back, the snapshot counts as new.
        self.store_now.duration_since(self.checked_at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    /// What is seen of a snapshot that was checked so long before the poll.
    fn seen(unchecked_for: Duration, polled_at: Instant) -> Seen {
        // Far from our own clock: only the store's times may be compared with each other.
        let store_now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let (checked_at, push) = (store_now - unchecked_for, Push::Hint);
        Seen { checked_at, refill_interval: MINUTE, store_now, polled_at, push, is_confirmed: true }
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
    fn a_reader_that_polls_seldom_is_not_stale_between_polls() {
        let at = Instant::now();
        let seen = seen(MINUTE, at);
        assert_eq!(seen.state(10 * MINUTE, at + 11 * MINUTE), State::Fresh);
        assert_eq!(seen.state(10 * MINUTE, at + 21 * MINUTE), State::Stale);
    }

    #[test]
    fn a_poll_that_does_not_find_our_snapshot_ends_the_silence_but_checks_nothing() {
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
        let mut seen = seen(MINUTE, at);
        seen.store_now = SystemTime::UNIX_EPOCH;
        assert_eq!((seen.age(at), seen.state(MINUTE, at)), (Duration::ZERO, State::Fresh));
    }
}
