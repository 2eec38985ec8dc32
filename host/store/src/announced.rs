//! An announcement, and the change that the readers of a process fetch once because of it.

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use tokio::sync::SetOnce;

use crate::{Changes, Id, Name, Reading, Result};

/// The longest wait for another reader's fetch. Its runtime may have ended, or stand still.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// What is larger is shared only while some reader works with it: announcements may wait for long in front of a reader
/// that stands still.
const MAX_KEPT_BYTES: usize = 256 << 10;

/// A snapshot that was announced. All readers of a process hear of it by one of these.
#[derive(Debug)]
pub struct Announced {
    id: Id,
    /// From where the change leads that is fetched for all who hold that snapshot.
    from: OnceLock<Id>,
    /// `None`: it could not be fetched, or whoever was to fetch it has gone.
    fetched: SetOnce<Option<Fetched>>,
}

/// What leads from a snapshot to the one that is published, fetched after an announcement.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// When the store was asked.
    pub asked_at: Instant,
    /// `None`: not all of it is kept, or nothing whole is published.
    pub changes: Option<Arc<Changes>>,
}

/// An answer that other readers may use.
#[derive(Debug)]
struct Fetched {
    asked_at: Instant,
    /// `None` as in [`Answer::changes`].
    changes: Option<Weak<Changes>>,
    /// Keeps it, if it is small.
    _kept: Option<Arc<Changes>>,
}

impl Announced {
    /// An announcement of this snapshot.
    #[must_use]
    pub fn new(id: Id) -> Self {
        Self { id, from: OnceLock::new(), fetched: SetOnce::new() }
    }

    /// The snapshot that was announced.
    pub fn id(&self) -> Id {
        self.id
    }

    /// What leads from a snapshot to the one that is published now, as [`Reading::changes`] gives it, fetched after this
    /// announcement. The first reader fetches it; for the others it is there, if they hold the same snapshot.
    ///
    /// # Errors
    /// As [`Reading::changes`].
    pub async fn changes(&self, store: &dyn Reading, cache: &Name, from: Id) -> Result<Answer> {
        self.share(from, || store.changes(cache, from)).await
    }

    async fn share<F>(&self, from: Id, fetch: impl FnOnce() -> F) -> Result<Answer>
    where
        F: Future<Output = Result<Option<Changes>>>,
    {
        let is_first = self.from.set(from).is_ok();
        if !is_first
            && self.from.get() == Some(&from)
            && let Ok(Some(fetched)) = tokio::time::timeout(MAX_WAIT, self.fetched.wait()).await
            && let Some(answer) = fetched.answer()
        {
            return Ok(answer);
        }
        let _end = is_first.then(|| End(&self.fetched));
        let asked_at = Instant::now();
        let changes = fetch().await?.map(Arc::new);
        if is_first {
            // It is set by nobody else.
            let _ = self.fetched.set(Some(Fetched::new(asked_at, changes.as_ref())));
        }
        Ok(Answer { asked_at, changes })
    }
}

/// Tells those who wait that no more is to come, however the fetch ends.
struct End<'a>(&'a SetOnce<Option<Fetched>>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        // It is an error where the answer is there.
        let _ = self.0.set(None);
    }
}

/// Two announcements of one snapshot are equal.
impl PartialEq for Announced {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Fetched {
    fn new(asked_at: Instant, changes: Option<&Arc<Changes>>) -> Self {
        let kept = changes.filter(|changes| changes.bytes() <= MAX_KEPT_BYTES).cloned();
        Self { asked_at, changes: changes.map(Arc::downgrade), _kept: kept }
    }

    /// The answer for another reader. `None`: it has to fetch its own.
    fn answer(&self) -> Option<Answer> {
        let changes = match &self.changes {
            None => None,
            Some(changes) => Some(changes.upgrade()?),
        };
        Some(Answer { asked_at: self.asked_at, changes })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use futures_util::FutureExt;

    use super::*;
    use crate::{Batch, Delta, Error, Head, Root};

    const HELD: u128 = 1;

    async fn changes(bytes: usize) -> Result<Option<Changes>> {
        let id = Id::of(2);
        let mut set = Batch::default();
        set.push("key", &"v".repeat(bytes));
        let delta = Delta { set, ..Delta::default() };
        let head = Head::new(id, 1, 1, Root::default());
        Ok(Some(Changes { now: SystemTime::now(), head, deltas: vec![(id, delta)] }))
    }

    async fn nothing() -> Result<Option<Changes>> {
        panic!("another reader has fetched it")
    }

    #[tokio::test]
    async fn what_one_reader_fetches_all_have() {
        let announced = Announced::new(Id::of(2));
        let first = announced.share(Id::of(HELD), || changes(10)).await.unwrap();
        drop(first);
        let second = announced.share(Id::of(HELD), nothing).await.unwrap();
        assert_eq!(second.changes.unwrap().deltas.len(), 1);
        let other = announced.share(Id::of(7), || changes(20)).await.unwrap();
        assert_eq!(
            other.changes.unwrap().deltas[0].1.set.bytes(),
            23,
            "who holds another snapshot fetches another change"
        );
    }

    #[tokio::test]
    async fn a_large_change_is_shared_only_while_somebody_works_with_it() {
        let announced = Announced::new(Id::of(2));
        let first = announced.share(Id::of(HELD), || changes(1 << 20)).await.unwrap();
        let second = announced.share(Id::of(HELD), nothing).await.unwrap();
        assert!(Arc::ptr_eq(first.changes.as_ref().unwrap(), second.changes.as_ref().unwrap()));
        drop((first, second));
        assert!(announced.share(Id::of(HELD), || changes(10)).await.unwrap().changes.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_reader_that_fails_or_has_gone_fetches_at_once() {
        let failed = Announced::new(Id::of(2));
        let failure = failed.share(Id::of(HELD), || async { Err(Error::unavailable("away")) }).await;
        assert!(failure.unwrap_err().is_unavailable());
        let gone = Announced::new(Id::of(2));
        assert!(gone.share(Id::of(HELD), std::future::pending).now_or_never().is_none());
        for announced in [failed, gone] {
            let fetched = announced.share(Id::of(HELD), || changes(10)).now_or_never().unwrap();
            assert!(fetched.unwrap().changes.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_reader_that_stands_still_fetches_at_last() {
        let announced = Announced::new(Id::of(2));
        let mut stands_still = std::pin::pin!(announced.share(Id::of(HELD), std::future::pending));
        assert!(stands_still.as_mut().now_or_never().is_none());
        let other = announced.share(Id::of(7), || changes(10)).now_or_never().unwrap();
        assert!(other.unwrap().changes.is_some(), "who holds another snapshot does not wait");
        let began = tokio::time::Instant::now();
        assert!(announced.share(Id::of(HELD), || changes(10)).await.unwrap().changes.is_some());
        assert_eq!(began.elapsed(), MAX_WAIT);
    }
}
