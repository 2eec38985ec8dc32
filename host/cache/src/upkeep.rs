//! What a reader owns besides its copy: the tasks that keep it up to date.

use std::sync::{Arc, Mutex as Lock, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::builder::Opened;
use crate::local::Local;
use crate::read_through::ReadThrough;
use crate::reload::Reload;
use kiwi_store::{Error, Result};

/// A reload, the task that calls it, and the read-through that is under way. All end with this.
pub(crate) struct Upkeep<V> {
    local: Arc<Local<V>>,
    reload: Arc<Mutex<Reload<V>>>,
    task: JoinHandle<()>,
    read_through: Arc<ReadThrough>,
    flight: Lock<Option<Flight>>,
}

/// A read-through for all who wait for it. A task of its own, so that it goes on when one of them, even
/// the first, gives up.
struct Flight {
    landed: watch::Receiver<Option<Landed>>,
    task: JoinHandle<()>,
}

/// When a flight ended, and how.
type Landed = (Instant, Result<()>);

impl Flight {
    /// Whether it carries those who began to wait at this time: it is under way, or has ended since.
    fn carries(&self, since: Instant) -> bool {
        match &*self.landed.borrow() {
            Some((at, _)) => *at >= since,
            None => !self.task.is_finished(),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<V> Drop for Upkeep<V> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<V: DeserializeOwned + Send + Sync + 'static> Upkeep<V> {
    /// Loads the first snapshot, and goes on from there, on the runtime that this is called in.
    pub(crate) async fn start(opened: Opened<V>) -> Result<Self> {
        let Opened { name, store, reload, refill } = opened;
        let read_through = ReadThrough::new(Arc::clone(&store), name.clone(), refill);
        let mut reload = Reload::new(store, name, reload);
        reload.load_first().await?;
        let local = Arc::clone(reload.local());
        let reload = Arc::new(Mutex::new(reload));
        let task = tokio::spawn(reload_forever(Arc::clone(&reload)));
        Ok(Self { local, reload, task, read_through: Arc::new(read_through), flight: Lock::default() })
    }

    pub(crate) fn local(&self) -> &Arc<Local<V>> {
        &self.local
    }

    /// Looks at the store now.
    pub(crate) async fn reload(&self) -> Result<()> {
        self.reload.lock().await.reload().await
    }

    /// Gets a first snapshot. Whoever asks while an attempt is under way shares how it ends.
    pub(crate) async fn read_through(&self, since: Instant) -> Result<()> {
        let mut landed = self.board(since);
        // It is dropped without having ended only where its task has panicked.
        match landed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some((_, outcome))) => outcome.clone(),
            Ok(None) | Err(_) => Err(Error::unavailable(
                "the task that loads it has panicked: its message is on stderr; the next read tries again",
            )
            .of(&self.local.cache)),
        }
    }

    fn board(&self, since: Instant) -> watch::Receiver<Option<Landed>> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flight.as_ref().filter(|flight| flight.carries(since)) {
            return flight.landed.clone();
        }
        let (landing, landed) = watch::channel(None);
        let (reload, read_through) = (Arc::clone(&self.reload), Arc::clone(&self.read_through));
        let task = tokio::spawn(async move {
            let outcome = read_through.get(&reload).await;
            landing.send_replace(Some((Instant::now(), outcome)));
        });
        *flight = Some(Flight { landed: landed.clone(), task });
        landed
    }
}

async fn reload_forever<V: DeserializeOwned>(reload: Arc<Mutex<Reload<V>>>) {
    loop {
        let interval = reload.lock().await.interval();
        tokio::time::sleep(interval).await;
        // A failure is logged, and kept for `last_error`.
        let _ = reload.lock().await.reload().await;
    }
}
