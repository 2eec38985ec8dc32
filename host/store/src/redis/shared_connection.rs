//! A connection that many calls share: opened when one is first needed, and again after it was lost.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::RedisResult;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::connection::Connection;
use super::options::RedisOptions;
use super::stream::Connect;

/// How long to stay with a server that turns out to be the wrong one, if its address has just led to it again.
const MIN_BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(1);

/// Whether a connection was opened for this call, or has worked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    Now,
    Before,
}

/// A connection that many calls share.
pub(super) struct SharedConnection(Arc<Slot>);

/// The place of the connection, which the task that connects shares.
struct Slot {
    options: RedisOptions,
    connector: Arc<dyn Connect>,
    connection: ArcSwapOption<Connection>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    attempt: Option<Attempt>,
    replaced_at: Option<Instant>,
}

/// What an attempt to connect comes to, for all calls that wait for it.
type Outcome = Shared<BoxFuture<'static, RedisResult<Arc<Connection>>>>;

/// A task that connects. It does not end with the calls that wait for it: those with a short time limit would
/// otherwise never get a connection over a slow network.
struct Attempt {
    outcome: Outcome,
    task: AbortHandle,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedConnection {
    pub(super) fn new(options: &RedisOptions, connector: &Arc<dyn Connect>) -> Self {
        Self(Arc::new(Slot {
            options: options.clone(),
            connector: Arc::clone(connector),
            connection: ArcSwapOption::empty(),
            state: Mutex::default(),
        }))
    }

    /// The connection, if there is one.
    pub(super) fn current(&self) -> Option<Arc<Connection>> {
        self.0.connection.load_full()
    }

    /// The connection, which is opened if there is none. All who wait for an attempt share what it comes to, instead
    /// of trying one after the other.
    pub(super) async fn open(&self) -> RedisResult<(Arc<Connection>, Opened)> {
        if let Some(connection) = self.current() {
            return Ok((connection, Opened::Before));
        }
        let outcome = {
            let mut state = self.0.state();
            if let Some(connection) = self.current() {
                return Ok((connection, Opened::Before));
            }
            match &state.attempt {
                Some(attempt) if !attempt.task.is_finished() => attempt.outcome.clone(),
                _ => state.attempt.insert(connect(&self.0)).outcome.clone(),
            }
        };
        Ok((outcome.await?, Opened::Now))
    }

    /// Discards a broken connection, unless another call has done so already: then `false`.
    pub(super) fn discard(&self, broken: &Arc<Connection>) -> bool {
        let before = self.0.connection.compare_and_swap(broken, None);
        before.as_ref().is_some_and(|before| Arc::ptr_eq(before, broken))
    }

    /// Discards whatever connection there is. The calls under way keep it until they are done.
    pub(super) fn clear(&self) {
        self.0.connection.store(None);
    }

    /// Whether a connection to a server that is not the right one may be given up for a new one.
    pub(super) fn may_replace(&self, connection: &Arc<Connection>) -> bool {
        let is_current = self.current().is_some_and(|current| Arc::ptr_eq(&current, connection));
        let mut state = self.0.state();
        if is_current && state.replaced_at.is_some_and(|at| at.elapsed() < MIN_BETWEEN_REPLACEMENTS) {
            return false;
        }
        if is_current {
            state.replaced_at = Some(Instant::now());
        }
        true
    }
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        self.0.state().attempt = None;
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is fine here: nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(slot: &Arc<Slot>) -> Attempt {
    let (done, outcome) = oneshot::channel();
    let slot = Arc::clone(slot);
    let task = tokio::spawn(async move {
        let opened = Connection::open(&*slot.connector, &slot.options).await.map(Arc::new);
        {
            // In one step: who finds no attempt any more finds the connection.
            let mut state = slot.state();
            if let Ok(connection) = &opened {
                slot.connection.store(Some(Arc::clone(connection)));
            }
            state.attempt = None;
        }
        // Nobody may wait any more.
        let _ = done.send(opened);
    });
    let outcome = async move {
        // The task ends without a word where its runtime does.
        let stopped = |_| io::Error::new(io::ErrorKind::ConnectionAborted, "connecting was stopped");
        outcome.await.map_err(stopped)?
    };
    Attempt { outcome: outcome.boxed().shared(), task: task.abort_handle() }
}
