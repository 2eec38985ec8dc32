//! The tasks that keep a copy up to date.

use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinSet, unconstrained};
use tokio::time::Instant;
use tracing::debug;

use crate::builder::Opened;
use crate::copies::{Copies, CopySettings};
use crate::hints::{Call, Hints};
use crate::local::Local;
use crate::read_through::ReadThrough;
use crate::reload::Reload;
use crate::settings::Updates;
use crate::source::Source;
use crate::stored::{Stored, Value};
use kiwi_store::{Error, Result};

/// The reload task of a reader, and its read-through while one is in flight. All tasks end when this is dropped.
pub(crate) struct Upkeep<V: Stored + ?Sized> {
    source: Source,
    updates: Updates,
    local: Arc<Local<V>>,
    reload: Arc<Mutex<Reload<V>>>,
    read_through: Arc<ReadThrough>,
    tasks: Lock<Tasks>,
}

struct Tasks {
    running: JoinSet<()>,
    read_through: Option<InFlight>,
}

/// One read-through for all reads that wait for it: it gives the time at which it ended, and its outcome. It runs
/// in a task, so that it goes on when a read gives up. It fails only if that task panics, or its runtime ends.
type InFlight = Shared<oneshot::Receiver<(Instant, Result<()>)>>;

impl<V: Value + ?Sized> Upkeep<V> {
    /// Loads the first snapshot, and starts the reload task on the runtime that this is called in.
    pub(crate) async fn start(opened: Opened<V>) -> Result<Self> {
        let Opened { source, reload, refill } = opened;
        let updates = reload.updates;
        let read_through = Arc::new(ReadThrough::new(source.clone(), refill));
        let mut hints = Hints::subscribe(&source, updates).await;
        let open = |copies: &CopySettings| Copies::open(copies, &source.name, &source.store.place(&source.name));
        let copies = reload.copies.as_ref().map(open).transpose().map_err(|error| error.of(&source.name))?;
        let mut reload = Reload::new(source.clone(), reload, copies);
        reload.load_first(&mut hints).await?;
        let local = Arc::clone(reload.local());
        let reload = Arc::new(Mutex::new(reload));
        let tasks = Lock::new(Tasks { running: JoinSet::new(), read_through: None });
        let upkeep = Self { source, updates, local, reload, read_through, tasks };
        upkeep.spawn(keep_up_to_date(Arc::clone(&upkeep.reload), hints));
        Ok(upkeep)
    }

    pub(crate) fn local(&self) -> &Arc<Local<V>> {
        &self.local
    }

    /// Polls the store now.
    pub(crate) async fn reload(&self) -> Result<()> {
        self.local.revive();
        self.reload.lock().await.reload().await
    }

    /// Calls a function while nothing polls or loads.
    pub(crate) async fn quietly(&self, call: impl FnOnce()) {
        let _reload = self.reload.lock().await;
        call();
    }

    /// Gets a first snapshot for a read that waits since then. All reads that wait while one attempt is in flight
    /// share its outcome.
    pub(crate) async fn read_through(&self, since: Instant) -> Result<()> {
        let in_flight = self.join_or_start(since);
        match in_flight.await {
            Ok((_, outcome)) => outcome,
            Err(oneshot::error::RecvError { .. }) => Err(Error::unavailable(
                "the task that loads it has panicked (see its message on stderr), or its runtime has shut down; the next \
                 read makes another attempt",
            )
            .of(&self.local.cache)),
        }
    }

    /// The read-through that is in flight, or has ended while this read waited; or else a new one.
    fn join_or_start(&self, since: Instant) -> InFlight {
        let mut tasks = self.tasks();
        if let Some(in_flight) = &tasks.read_through {
            // Unconstrained: a task that has used up its share of time would find everything in flight.
            match unconstrained(in_flight.clone()).now_or_never() {
                None => return in_flight.clone(),
                Some(Ok((ended_at, _))) if ended_at >= since => return in_flight.clone(),
                Some(_) => {}
            }
        }
        // The set must not grow by tasks that have ended.
        while tasks.running.try_join_next().is_some() {}
        let (end, ended) = oneshot::channel();
        let (reload, read_through) = (Arc::clone(&self.reload), Arc::clone(&self.read_through));
        tasks.running.spawn(async move {
            let outcome = read_through.get(&reload).await;
            // Nobody may wait any more.
            let _ = end.send((Instant::now(), outcome));
        });
        let in_flight = ended.shared();
        tasks.read_through = Some(in_flight.clone());
        in_flight
    }

    /// Starts the reload task again if it has ended, on the runtime that this is called in. Outside a runtime, and in
    /// one that ends itself, it stays ended until the next call.
    pub(crate) fn revive(&self) {
        if Handle::try_current().is_err() || !self.local.adopt() {
            return;
        }
        debug!(cache = %self.local.cache, "the reload task had ended, and is started again");
        let (source, updates, reload) = (self.source.clone(), self.updates, Arc::clone(&self.reload));
        self.spawn(async move {
            let hints = Hints::subscribe(&source, updates).await;
            // It may have been ended for a long time.
            reload.lock().await.poll_soon();
            keep_up_to_date(reload, hints).await;
        });
    }

    /// Runs the reload task, which never ends by itself.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let watch = Watch(Arc::clone(&self.local));
        self.tasks().running.spawn(async move {
            let _watch = watch;
            task.await;
        });
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports the end of the reload task, however it ends: dropped with the task.
struct Watch<V: Stored + ?Sized>(Arc<Local<V>>);

impl<V: Stored + ?Sized> Drop for Watch<V> {
    fn drop(&mut self) {
        let why = if std::thread::panicking() {
            "the task that polls the store has panicked: see its message on stderr; the next read, reload or wait starts it \
             again"
        } else {
            "the runtime that polled the store has shut down: the next read, reload or wait inside a runtime starts it again"
        };
        self.0.abandon(Error::unavailable(why).of(&self.0.cache));
    }
}

/// Polls whenever it is time, or a hint calls for it. A failure is logged, and kept for `last_error`.
async fn keep_up_to_date<V: Value + ?Sized>(reload: Arc<Mutex<Reload<V>>>, mut hints: Hints) {
    let local = Arc::clone(reload.lock().await.local());
    let mut polls = local.polls();
    loop {
        let next_poll = reload.lock().await.next_poll();
        let (call, is_hint) = tokio::select! {
            () = tokio::time::sleep_until(next_poll) => (Call::Poll, false),
            call = hints.next(|id| local.holds(id), |from| local.takes_pushed_deltas(from)) => (call, true),
            // Somebody else has polled, and so the next poll is due at another time.
            _ = polls.changed() => continue,
        };
        let mut reload = reload.lock().await;
        if let Call::Apply(pushed) = call
            && reload.apply(&pushed).await
        {
            continue;
        }
        let announced = hints.answer();
        let _ = if is_hint { reload.reload_for_hint(announced).await } else { reload.reload().await };
        hints.answered();
        polls.mark_unchanged();
    }
}
