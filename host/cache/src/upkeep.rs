//! The tasks that keep a copy up to date.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::Shared;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{JoinSet, unconstrained};
use tokio::time::Instant;

use crate::builder::Opened;
use crate::local::Local;
use crate::read_through::ReadThrough;
use crate::reload::Reload;
use kiwi_store::{Error, Result};

/// The reload task of a reader, and its read-through while one is in flight. All tasks end when this is dropped.
pub(crate) struct Upkeep<V> {
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
/// in a task, so that it goes on when a read gives up. It fails only if that task panics.
type InFlight = Shared<oneshot::Receiver<(Instant, Result<()>)>>;

impl<V: DeserializeOwned + Send + Sync + 'static> Upkeep<V> {
    /// Loads the first snapshot, and starts the reload task on the runtime that this is called in.
    pub(crate) async fn start(opened: Opened<V>) -> Result<Self> {
        let Opened { source, reload, refill } = opened;
        let read_through = Arc::new(ReadThrough::new(source.clone(), refill));
        let mut reload = Reload::new(source, reload);
        reload.load_first().await?;
        let local = Arc::clone(reload.local());
        let reload = Arc::new(Mutex::new(reload));
        let mut running = JoinSet::new();
        running.spawn(reload_forever(Arc::clone(&reload)));
        Ok(Self { local, reload, read_through, tasks: Lock::new(Tasks { running, read_through: None }) })
    }

    pub(crate) fn local(&self) -> &Arc<Local<V>> {
        &self.local
    }

    /// Polls the store now.
    pub(crate) async fn reload(&self) -> Result<()> {
        self.reload.lock().await.reload().await
    }

    /// Gets a first snapshot for a read that waits since then. All reads that wait while one attempt is in flight
    /// share its outcome.
    pub(crate) async fn read_through(&self, since: Instant) -> Result<()> {
        let in_flight = self.join_or_start(since);
        match in_flight.await {
            Ok((_, outcome)) => outcome,
            Err(oneshot::error::RecvError { .. }) => Err(Error::unavailable(
                "the task that loads it has panicked: see its message on stderr; the next read makes another attempt",
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

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reload_forever<V: DeserializeOwned + Send + 'static>(reload: Arc<Mutex<Reload<V>>>) {
    loop {
        let interval = reload.lock().await.interval();
        tokio::time::sleep(interval).await;
        let mut reload = reload.lock().await;
        // A failure is logged, and kept for `last_error`. A panic, of a service's `Deserialize` or hook, must not
        // end the polling: those who wait for changes would wait forever.
        if AssertUnwindSafe(reload.reload()).catch_unwind().await.is_err() {
            reload.panicked();
        }
    }
}
