//! A load that publishes nothing.

use std::collections::HashSet;
use std::sync::Arc;

use kiwi_store::Batch;

use crate::cache::Cache;
use crate::failure::Failure;
use crate::intake::{Intake, Parcel};

/// Runs a loader and hands its entries to `sink`, batch by batch. Gives how many there were.
pub(crate) async fn load_dry(cache: &Cache, mut sink: impl FnMut(&Batch)) -> Result<u64, Failure> {
    let (intake, mut arriving) = Intake::new(cache.limits().clone(), cache.progress.clone(), Arc::default());
    let take = async {
        let mut known = HashSet::new();
        while let Some(parcel) = arriving.recv().await {
            match parcel {
                Parcel::Entries { batch, .. } => {
                    known.extend(batch.iter().map(|(key, _)| key.to_owned()));
                    sink(&batch);
                }
                Parcel::IsKnown(key, answer) => {
                    let _ = answer.send(known.contains(&key));
                }
            }
        }
        known.len() as u64
    };
    let (loaded, entries) = tokio::join!(cache.load(None, intake), take);
    loaded.map(|_| entries)
}
