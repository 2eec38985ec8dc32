//! Hints between readers and hosts: they may be lost, and nothing depends on them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::{Announced, Changes, Id, Name, Result};

/// The caches that readers ask for, as they ask: see [`Hints::asks`].
pub struct Asks(BoxStream<'static, Name>);

impl Asks {
    pub(crate) fn new(asked: impl Stream<Item = Name> + Send + 'static) -> Self {
        Self(asked.boxed())
    }

    /// The next cache that a reader asks for. `None`: the store cannot be heard any more. Nothing is lost
    /// if the wait is given up.
    pub async fn next(&mut self) -> Option<Name> {
        self.0.next().await
    }
}

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asks").finish_non_exhaustive()
    }
}

/// Why a reader should poll now, and not only at its next turn: see [`Hints::subscribe`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Hint {
    /// This snapshot was announced. Whoever holds it has nothing to do.
    Published(Arc<Announced>),
    /// A snapshot was announced together with the delta that leads to it. Anybody who may use the channel can have sent
    /// it: it may be relied on only where the head of the snapshot that is held says [`Push::Delta`](crate::Push::Delta).
    Pushed(Arc<Pushed>),
    /// Announcements may have been lost, or there was one without an id: only a poll shows what is published.
    Unknown,
}

impl Hint {
    /// This snapshot was announced.
    #[must_use]
    pub fn published(id: Id) -> Self {
        Self::Published(Arc::new(Announced::new(id)))
    }
}

/// A change that came with its announcement: see [`Push::Delta`](crate::Push::Delta).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pushed {
    /// The snapshot that it changes.
    pub from: Id,
    /// Where it leads, and by which delta.
    pub changes: Arc<Changes>,
}

/// The hints of one cache: see [`Hints::subscribe`].
pub struct Subscription {
    hints: Receiver<Hint>,
    /// What listens for them, as long as this lives.
    _listener: Arc<dyn Any + Send + Sync>,
}

impl Subscription {
    pub(crate) fn new(hints: Receiver<Hint>, listener: Arc<dyn Any + Send + Sync>) -> Self {
        Self { hints, _listener: listener }
    }

    /// The next hint. It waits as long as there is none, also while the store is away. Nothing is lost if the wait
    /// is given up.
    pub async fn next(&mut self) -> Hint {
        match self.hints.recv().await {
            Ok(hint) => hint,
            Err(RecvError::Lagged(_)) => Hint::Unknown,
            // The listener has the sender.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The newest of the hints that have come so far, in place of all of them: for whoever polls now.
    pub fn newest(&mut self) -> Option<Hint> {
        let mut newest = None;
        loop {
            newest = Some(match self.hints.try_recv() {
                Ok(hint) => hint,
                Err(TryRecvError::Lagged(_)) => Hint::Unknown,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return newest,
            });
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// How a reader that finds nothing reaches the host that runs its cache, and how a host that publishes reaches the
/// readers.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Asks whatever host runs a cache to refill it, for a reader that finds nothing there. Changes
    /// no data. It may be that no host hears it, so a reader that waits repeats it.
    async fn ask(&self, cache: &Name) -> Result<()>;

    /// The names of those of these caches that are asked for from now on. One that is asked for many
    /// times at once may come once.
    async fn asks(&self, caches: &[Name]) -> Result<Asks>;

    /// The hints that another snapshot of a cache is published, from now on. Whatever is lost before the store
    /// listens, or while it cannot, ends in one [`Hint::Unknown`] when it listens again.
    ///
    /// All subscriptions of a process to one server share one connection, and all to one directory share one thread.
    ///
    /// # Errors
    /// The system refuses another thread. A store that cannot be reached, or does not let this user subscribe, is not
    /// an error: there are no hints as long as that lasts.
    async fn subscribe(&self, cache: &Name) -> Result<Subscription>;

    /// How many processes, of any user, hear the hints of a cache: at least 1, and only 1 in a store that does not carry
    /// the maps of all readers over one network.
    ///
    /// # Errors
    /// The user may not ask for it (`is_denied`).
    async fn subscribers(&self, cache: &Name) -> Result<u64>;
}
