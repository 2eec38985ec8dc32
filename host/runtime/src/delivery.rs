//! Where the entries of a load go: to the store's staging at once, or aside, as long as it may be that
//! little of the map has changed.

use std::io;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kiwi_store::{Batch, Lease, Store};
use tokio::sync::mpsc;

use crate::intake::Parcel;
use crate::spool::Spool;

/// How many batches are on their way to the store at a time, so that it need not wait for the next one.
const UNDER_WAY: usize = 4;

/// How much may change before the whole map is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) keys: usize,
    pub(crate) bytes: usize,
}

/// What was done with the entries of a load.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// All are staged.
    Staged,
    /// They are put aside, with those that are new or have another value.
    Aside { all: Spool, changed: Batch },
}

/// Why entries could not be delivered.
#[derive(Debug)]
pub(crate) enum Undelivered {
    Store(kiwi_store::Error),
    /// They could not be put aside.
    Aside(io::Error),
}

impl From<kiwi_store::Error> for Undelivered {
    fn from(error: kiwi_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Undelivered {
    fn from(error: io::Error) -> Self {
        Self::Aside(error)
    }
}

/// Delivers what arrives until the loader has ended. Without a bound, nothing is known to compare with.
pub(crate) async fn deliver(
    store: &dyn Store,
    lease: &Lease,
    bound: Option<Bound>,
    mut arriving: mpsc::Receiver<Parcel>,
) -> Result<Delivered, Undelivered> {
    let Some(bound) = bound else {
        stage(store, lease, None, arriving).await?;
        return Ok(Delivered::Staged);
    };
    let (mut all, mut changed) = (Spool::default(), Batch::default());
    while let Some(parcel) = arriving.recv().await {
        match parcel {
            Parcel::Entries { batch, changed: places } => {
                let mut places = places.into_iter().peekable();
                for (place, (key, value)) in batch.iter().enumerate() {
                    if places.next_if_eq(&place).is_some() {
                        changed.push(key, value);
                    }
                }
                all.push(batch).await?;
            }
            Parcel::IsKnown(key, answer) => {
                // A loader that is gone does not wait for the answer.
                let _ = answer.send(all.contains_key(&key).await?);
            }
        }
        if changed.len() > bound.keys || changed.bytes() > bound.bytes {
            stage(store, lease, Some(all), arriving).await?;
            return Ok(Delivered::Staged);
        }
    }
    Ok(Delivered::Aside { all, changed })
}

/// Stages what was put aside.
pub(crate) async fn stage_all(store: &dyn Store, lease: &Lease, aside: Spool) -> Result<(), Undelivered> {
    let (sender, nothing_more) = mpsc::channel(1);
    drop(sender);
    stage(store, lease, Some(aside), nothing_more).await
}

/// Stages what was put aside, and then what arrives.
async fn stage(
    store: &dyn Store,
    lease: &Lease,
    aside: Option<Spool>,
    mut arriving: mpsc::Receiver<Parcel>,
) -> Result<(), Undelivered> {
    let mut under_way = FuturesUnordered::new();
    let begin = |batch: Batch| async move { store.stage(lease, &batch).await };
    if let Some(aside) = aside {
        for batch in aside.into_batches().await? {
            under_way.push(begin(batch?));
            if under_way.len() == UNDER_WAY {
                under_way.next().await.transpose()?;
            }
        }
    }
    loop {
        tokio::select! {
            staged = under_way.next(), if !under_way.is_empty() => staged.transpose()?.unwrap_or_default(),
            parcel = arriving.recv(), if under_way.len() < UNDER_WAY => match parcel {
                None => break,
                Some(Parcel::Entries { batch, .. }) => under_way.push(begin(batch)),
                Some(Parcel::IsKnown(key, answer)) => {
                    while under_way.next().await.transpose()?.is_some() {}
                    // A loader that is gone does not wait for the answer.
                    let _ = answer.send(store.is_staged(lease, &key).await?);
                }
            },
        }
    }
    while under_way.next().await.transpose()?.is_some() {}
    Ok(())
}
