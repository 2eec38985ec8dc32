//! A whole published map, all of one snapshot.

use std::sync::Arc;

use anyhow::Result;
use kiwi_cache::{Cache, Snapshot};
use kiwi_store::Name;
use serde_json::value::RawValue;

use crate::target::Target;

/// Loads the map of a cache, with the values as their loader wrote them.
pub(super) async fn load(target: &Target, cache: &Name) -> Result<Arc<Snapshot<Box<RawValue>>>> {
    let store = target.open_existing_store()?;
    let reader: Cache<Box<RawValue>> = Cache::builder(cache).store(store).without_copy().connect().await?;
    Ok(reader.snapshot()?)
}
