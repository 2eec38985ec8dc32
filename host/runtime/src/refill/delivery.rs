//! Where the entries of a load go: to the store's staging at once, or to a spool, as long as it may be
//! that little of the map has changed.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kiwi_store::{Batch, Lease};
use tokio::sync::mpsc;

use super::context::Context;
use super::spool::Spool;
use crate::config::limits::Limits;
use crate::entries::fingerprints::Fingerprints;
use crate::entries::intake::{Intake, Message};
use crate::entries::progress::Progress;
use crate::failure::{Failure, FailureKind};

/// How many batches are in flight to the store at a time, so that it need not wait for the next one.
const IN_FLIGHT: usize = 4;

/// How much may change before the whole map is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

/// What was done with the entries of a load.
#[derive(Debug)]
pub(super) enum Delivered {
    /// All are staged.
    Staged,
    /// They are in a spool, and beside it those that are new or have another value.
    Spooled { all: Spool, changed: Batch },
}

/// What a load leaves out of the map before it, where every key is told apart from every other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changes {
    /// How many keys are not in the new map.
    pub(super) removed: usize,
    pub(super) bound: Bound,
}

impl Changes {
    /// Whether these and the entries that are new or different are few enough to be written alone.
    pub(super) fn fit(&self, changed: &Batch) -> bool {
        changed.len() + self.removed <= self.bound.keys
    }
}

/// The entries of one load on their way. It owns the fingerprints of the map: they come in when it begins,
/// and out when it has ended, however the load ended.
pub(super) struct Delivery {
    fingerprints: Arc<Mutex<Fingerprints>>,
}

impl Delivery {
    pub(super) fn new(fingerprints: Fingerprints) -> Self {
        Self { fingerprints: Arc::new(Mutex::new(fingerprints)) }
    }

    /// Where the loader puts its entries, and where they arrive.
    pub(super) fn intake(&self, limits: Limits, progress: Arc<Progress>) -> (Intake, mpsc::Receiver<Message>) {
        Intake::new(limits, progress, Arc::clone(&self.fingerprints))
    }

    /// Delivers what arrives until the loader has ended. Without a bound, nothing is known to compare with.
    pub(super) async fn run(
        &self,
        context: Context<'_>,
        lease: &Lease,
        bound: Option<Bound>,
        mut arriving: mpsc::Receiver<Message>,
    ) -> Result<Delivered, Failure> {
        let Some(bound) = bound else {
            stage_all(context, lease, None, arriving).await?;
            return Ok(Delivered::Staged);
        };
        let (mut all, mut changed) = (Spool::default(), Batch::default());
        while let Some(message) = arriving.recv().await {
            match message {
                Message::Entries { batch, changed: places } => {
                    let mut places = places.into_iter().peekable();
                    for (place, (key, value)) in batch.iter().enumerate() {
                        if places.next_if_eq(&place).is_some() {
                            changed.push(key, value);
                        }
                    }
                    all.push(batch).await.map_err(spool_failed)?;
                }
                Message::IsKnown(key, answer) => {
                    // A loader that is gone does not wait for the answer.
                    let _ = answer.send(all.contains_key(&key).await.map_err(spool_failed)?);
                }
            }
            if changed.len() > bound.keys || changed.bytes() > bound.bytes {
                stage_all(context, lease, Some(all), arriving).await?;
                return Ok(Delivered::Staged);
            }
        }
        Ok(Delivered::Spooled { all, changed })
    }

    /// What the load leaves out of the map before it. `None`: that is not known.
    pub(super) fn changes(&self, bound: Option<Bound>) -> Option<Changes> {
        let fingerprints = self.fingerprints();
        let bound = bound.filter(|_| fingerprints.has_no_collision())?;
        Some(Changes { removed: fingerprints.removed(), bound })
    }

    /// Those of these keys that the map before had and the load did not give.
    pub(super) fn removed_among<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Vec<String> {
        let fingerprints = self.fingerprints();
        keys.filter(|key| fingerprints.is_removed(key)).map(str::to_owned).collect()
    }

    /// Takes the fingerprints out. A loader that still runs, because nobody can stop it, compares with
    /// nothing from now on.
    pub(super) fn into_fingerprints(self) -> Fingerprints {
        std::mem::take(&mut *self.fingerprints())
    }

    fn fingerprints(&self) -> MutexGuard<'_, Fingerprints> {
        self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stages what is in a spool.
pub(super) async fn stage_spool(context: Context<'_>, lease: &Lease, spool: Spool) -> Result<(), Failure> {
    let (sender, nothing_more) = mpsc::channel(1);
    drop(sender);
    stage_all(context, lease, Some(spool), nothing_more).await
}

/// Stages what is in a spool, and then what arrives.
async fn stage_all(
    context: Context<'_>,
    lease: &Lease,
    spool: Option<Spool>,
    mut arriving: mpsc::Receiver<Message>,
) -> Result<(), Failure> {
    let mut in_flight = FuturesUnordered::new();
    let send = |batch: Batch| async move { context.store_call(context.store.stage(lease, &batch).await) };
    if let Some(spool) = spool {
        for batch in spool.into_batches().await.map_err(spool_failed)? {
            in_flight.push(send(batch.map_err(spool_failed)?));
            if in_flight.len() == IN_FLIGHT {
                in_flight.next().await.transpose()?;
            }
        }
    }
    loop {
        tokio::select! {
            staged = in_flight.next(), if !in_flight.is_empty() => staged.transpose()?.unwrap_or_default(),
            message = arriving.recv(), if in_flight.len() < IN_FLIGHT => match message {
                None => break,
                Some(Message::Entries { batch, .. }) => in_flight.push(send(batch)),
                Some(Message::IsKnown(key, answer)) => {
                    while in_flight.next().await.transpose()?.is_some() {}
                    let is_staged = context.store_call(context.store.is_staged(lease, &key).await)?;
                    // A loader that is gone does not wait for the answer.
                    let _ = answer.send(is_staged);
                }
            },
        }
    }
    while in_flight.next().await.transpose()?.is_some() {}
    Ok(())
}

fn spool_failed(error: io::Error) -> Failure {
    let directory = std::env::temp_dir();
    let directory = directory.display();
    let message = format!(
        "could not write the entries to a temporary file in `{directory}`: {error}; expected room for the whole map there"
    );
    Failure::new(FailureKind::Other, message)
}
