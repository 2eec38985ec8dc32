//! What wakes a reader before its next poll is due: hints of the store that another snapshot is published.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use crate::settings::Updates;
use crate::source::Source;
use kiwi_store::{Announced, Hint, Id, Pushed, Subscription};

/// The least time from one poll to the next that a hint causes: whoever floods a channel causes no more polls than this.
/// What comes meanwhile is answered by one poll.
const MIN_INTERVAL: Duration = Duration::from_millis(20);

/// What a hint calls for.
pub(crate) enum Call {
    Poll,
    /// The change that came with it leads on from what is held.
    Apply(Arc<Pushed>),
}

/// The hints for one reader.
pub(crate) struct Hints {
    /// `None` if the reader only polls.
    subscription: Option<Subscription>,
    /// The last hint since the last poll began that calls for another.
    unanswered: Option<Hint>,
    /// When the last poll began.
    polled_at: Instant,
    /// Before this, no hint causes a poll.
    rests_until: Instant,
}

impl Hints {
    /// Subscribes. To be called before the first poll, so that no commit can come between the two.
    pub(crate) async fn subscribe(source: &Source, updates: Updates) -> Self {
        let subscription = match updates {
            Updates::Polled => None,
            Updates::Pushed => match source.store.subscribe(&source.name).await {
                Ok(subscription) => Some(subscription),
                Err(error) => {
                    debug!(cache = %source.name, "failed to subscribe, so new snapshots are found only by polling: {error}");
                    None
                }
            },
        };
        let now = Instant::now();
        Self { subscription, unanswered: None, polled_at: now, rests_until: now }
    }

    /// Waits until a hint calls for something: it names a snapshot that is not held, or it names none. A poll and the
    /// deltas cost the store little, so all readers make it at once. Nothing is lost if the wait is given up.
    pub(crate) async fn next(&mut self, is_held: impl Fn(Id) -> bool, takes: impl Fn(Id) -> bool) -> Call {
        let Some(subscription) = &mut self.subscription else { return std::future::pending().await };
        while self.unanswered.is_none() {
            match subscription.next().await {
                Hint::Published(announced) if is_held(announced.id()) => {}
                Hint::Pushed(pushed) if is_held(pushed.changes.head.id) => {}
                Hint::Pushed(pushed) if takes(pushed.from) => return Call::Apply(pushed),
                hint => self.unanswered = Some(hint),
            }
        }
        tokio::time::sleep_until(self.rests_until).await;
        Call::Poll
    }

    /// A poll begins: it answers all hints that have come so far. Returns the last announcement, if it is what came last:
    /// what is fetched because of that answers those before as well.
    pub(crate) fn answer(&mut self) -> Option<Arc<Announced>> {
        self.polled_at = Instant::now();
        let unanswered = self.unanswered.take();
        match self.subscription.as_mut().and_then(Subscription::newest).or(unanswered) {
            Some(Hint::Published(announced)) => Some(announced),
            _ => None,
        }
    }

    /// That poll has ended. The next one that a hint causes waits for as long as this one took, so that a large map that
    /// is replaced all the time is not loaded all the time.
    pub(crate) fn answered(&mut self) {
        self.rests_until = (self.polled_at + MIN_INTERVAL).max(Instant::now() + self.polled_at.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn hints_rest_for_20_ms_from_poll_to_poll_or_as_long_as_the_poll_took() {
        let now = Instant::now();
        let mut hints = Hints { subscription: None, unanswered: Some(Hint::Unknown), polled_at: now, rests_until: now };
        for (took, rests) in [(1, 20), (12, 24), (3_000, 6_000)] {
            let began = Instant::now();
            hints.answer();
            tokio::time::advance(Duration::from_millis(took)).await;
            hints.answered();
            assert!(hints.rests_until - began == Duration::from_millis(rests) && hints.unanswered.is_none());
        }
    }
}
