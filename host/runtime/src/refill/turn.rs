//! Whose turn it is to load: so many caches at a time, and none for long that only waits.
//!
//! A load that has waited for a while, for a network that is dead, say, gives its turn to another one, and takes one
//! again before it goes on. It keeps its place, of which there are more: each is a guest in memory.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A load that has not moved for this long is waiting.
const PATIENCE: Duration = Duration::from_secs(1);
/// Places for each turn.
const PLACES: usize = 8;

/// The turns of a host.
#[derive(Debug)]
pub(crate) struct Turns {
    max_loads: usize,
    turns: Semaphore,
    places: Semaphore,
    /// Caches whose last attempt failed share these: they must not take all places.
    places_for_failing: Semaphore,
}

/// The right to load.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    held: std::sync::Mutex<Option<SemaphorePermit<'a>>>,
    _places: (SemaphorePermit<'a>, Option<SemaphorePermit<'a>>),
}

impl Turns {
    pub(crate) fn new(max_loads: usize) -> Self {
        let places = max_loads.saturating_mul(PLACES).min(Semaphore::MAX_PERMITS);
        Self {
            max_loads,
            turns: Semaphore::new(max_loads.min(Semaphore::MAX_PERMITS)),
            places: Semaphore::new(places),
            places_for_failing: Semaphore::new(places / 2),
        }
    }

    /// How many caches are loaded at the same time.
    pub(crate) fn max_loads(&self) -> usize {
        self.max_loads
    }

    /// How many loads there may be, with those that wait.
    pub(crate) fn max_places(&self) -> usize {
        self.max_loads.saturating_mul(PLACES)
    }

    /// Waits for a turn. `has_failed`: the last attempt of this cache has.
    pub(crate) async fn take(&self, has_failed: bool) -> Turn<'_> {
        let failing = if has_failed { Some(permit(&self.places_for_failing).await) } else { None };
        let place = permit(&self.places).await;
        let held = Some(permit(&self.turns).await).into();
        Turn { turns: self, held, _places: (place, failing) }
    }
}

impl Turn<'_> {
    /// Does some work during this turn, and gives it away while the work waits for long.
    pub(crate) async fn taken_by<T>(&self, work: impl Future<Output = T>) -> T {
        let (mut work, moves) = (pin!(work), Arc::new(Moves::default()));
        loop {
            if !self.is_held() {
                moves.moved().await;
                let turn = permit(&self.turns.turns).await;
                *self.lock() = Some(turn);
            }
            let idle = async {
                loop {
                    tokio::time::sleep(PATIENCE).await;
                    if !moves.has_moved.swap(false, Ordering::AcqRel) {
                        return;
                    }
                }
            };
            let noticed = Noticed { work: work.as_mut(), moves: &moves };
            tokio::select! {
                biased;
                done = noticed => return done,
                () = idle => *self.lock() = None,
            }
        }
    }

    fn is_held(&self) -> bool {
        self.lock().is_some()
    }
}

impl<'a> Turn<'a> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SemaphorePermit<'a>>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn permit(semaphore: &Semaphore) -> SemaphorePermit<'_> {
    semaphore.acquire().await.expect("the semaphore is never closed")
}

/// Whether some work was woken, and who waits for that.
#[derive(Debug, Default)]
struct Moves {
    has_moved: AtomicBool,
    waiting: AtomicWaker,
}

impl Moves {
    /// Waits until the work is woken.
    async fn moved(&self) {
        std::future::poll_fn(|context| {
            self.waiting.register(context.waker());
            if self.has_moved.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Wake for Moves {
    fn wake(self: Arc<Self>) {
        self.has_moved.store(true, Ordering::Release);
        self.waiting.wake();
    }
}

/// Work that notices when it is woken.
struct Noticed<'a, F> {
    work: Pin<&'a mut F>,
    moves: &'a Arc<Moves>,
}

impl<F: Future> Future for Noticed<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.moves.waiting.register(context.waker());
        let waker = Waker::from(Arc::clone(self.moves));
        self.work.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_load_that_waits_gives_its_turn_away_and_takes_one_again() {
        let turns = Turns::new(1);
        let (answer, answered) = oneshot::channel::<u8>();
        let waiting = async {
            let turn = turns.take(false).await;
            turn.taken_by(answered).await.expect("an answer")
        };
        let other = async {
            tokio::task::yield_now().await;
            let turn = turns.take(false).await;
            answer.send(7).expect("somebody waits");
            // The first load has its answer, and waits for this turn to end.
            tokio::time::sleep(PATIENCE / 2).await;
            assert_eq!(turns.turns.available_permits(), 0);
            drop(turn);
        };
        let (answer, ()) = tokio::time::timeout(PATIENCE * 10, async { tokio::join!(waiting, other) }).await.unwrap();
        assert_eq!((answer, turns.turns.available_permits(), turns.places.available_permits()), (7, 1, PLACES));
    }

    #[tokio::test]
    async fn a_load_that_works_keeps_its_turn() {
        let turns = Turns::new(1);
        let working = async {
            let turn = turns.take(false).await;
            turn.taken_by(async {
                for _ in 0..20 {
                    tokio::time::sleep(PATIENCE / 4).await;
                    assert!(turn.is_held());
                }
            })
            .await;
        };
        let other = async {
            tokio::task::yield_now().await;
            let _turn = turns.take(false).await;
        };
        tokio::join!(working, other);
    }

    #[tokio::test]
    async fn caches_that_fail_leave_places_to_others() {
        let turns = Turns::new(1);
        let mut places = Vec::new();
        for _ in 0..PLACES / 2 {
            let turn = turns.take(true).await;
            *turn.lock() = None;
            places.push(turn);
        }
        let one_more = tokio::time::timeout(Duration::from_millis(50), turns.take(true)).await;
        assert!(one_more.is_err(), "the other half is for caches that have not failed");
        drop(turns.take(false).await);
    }
}
