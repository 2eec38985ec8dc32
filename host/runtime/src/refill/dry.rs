//! A load that publishes nothing.

use std::collections::HashSet;

use kiwi_store::Batch;

use crate::definition::cache::Cache;
use crate::entries::intake::{Intake, Message};
use crate::failure::Failure;

/// Runs a loader and hands its entries to `sink`, batch by batch. Returns how many there were.
pub(crate) async fn load_dry(cache: &Cache, mut sink: impl FnMut(&Batch)) -> Result<u64, Failure> {
    let (limits, progress) = (cache.definition.limits().clone(), cache.standing.progress.clone());
    let (intake, mut arriving) = Intake::new(limits, progress, std::sync::Arc::default());
    let receive = async {
        let mut known = HashSet::new();
        while let Some(message) = arriving.recv().await {
            match message {
                Message::Entries { batch, .. } => {
                    known.extend(batch.iter().map(|(key, _)| key.to_owned()));
                    sink(&batch);
                }
                Message::IsKnown(key, answer) => {
                    // A loader that is gone does not wait for the answer.
                    let _ = answer.send(known.contains(&key));
                }
            }
        }
        known.len() as u64
    };
    let (loaded, entries) = tokio::join!(cache.load(None, intake), receive);
    loaded.map(|_| entries)
}
