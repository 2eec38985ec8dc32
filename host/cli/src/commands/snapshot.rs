//! A whole published map, all of one snapshot.

use std::sync::Arc;

use anyhow::Result;
use kiwi_cache::{Cache, Snapshot};
use kiwi_store::Name;
use serde_json::value::RawValue;

use crate::place::Place;

/// Loads a cache's map, values as their loader wrote them.
pub(super) async fn load(place: &Place, cache: &Name) -> Result<Arc<Snapshot<Box<RawValue>>>> {
    let store = place.look_into_store()?;
    let reader: Cache<Box<RawValue>> = Cache::connect(store, cache).await?;
    Ok(reader.snapshot()?)
}
