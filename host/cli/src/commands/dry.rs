//! `run --dry-run` and `refill --dry-run`: loads that touch no store.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kiwi_host::{CacheConfig, Host, Instance};
use kiwi_store::{Batch, Layout, Name, StoreUrl};
use serde_json::value::RawValue;

use super::{dump, start};
use crate::args::Format;
use crate::exit::Exit;
use crate::human;
use crate::live::Screen;
use crate::output::{Output, Tone};
use crate::place::Place;

/// A map as its loader gave it, sorted by key.
pub(super) type Map = BTreeMap<String, Box<RawValue>>;

/// What dry loads came to.
pub(super) struct Loaded {
    /// Each map that was loaded, sorted by name.
    pub(super) maps: BTreeMap<Name, Map>,
    pub(super) exit: Exit,
}

/// Loads each cache once and prints its map.
pub(super) async fn run(place: &Place, caches: Vec<CacheConfig>, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let Loaded { maps, exit } = load(place, caches, screen).await?;
    match output.format() {
        _ if exit == Exit::Usage => {}
        Format::Json => {
            let maps: BTreeMap<&str, &Map> = maps.iter().map(|(cache, map)| (cache.as_str(), map)).collect();
            output.json(&maps)?;
        }
        Format::Human => {
            for (cache, map) in &maps {
                output.line(
                    output.paint(Tone::Heading, format_args!("# {cache}: {}", human::entries(map.len() as u64))),
                )?;
                dump::write_lines(map.iter().map(|(key, value)| (key, value.get())), output)?;
            }
        }
    }
    Ok(exit)
}

/// Loads each cache once. Nothing is published, and no store is touched.
pub(super) async fn load(place: &Place, caches: Vec<CacheConfig>, screen: &Screen) -> Result<Loaded> {
    // The store that is never written to has this layout only.
    let as_hash = |cache| CacheConfig { layout: Layout::Hash, ..cache };
    let caches = caches.into_iter().map(as_hash).collect();
    let nowhere = tempfile::tempdir().context("a temporary directory cannot be made")?;
    let open_nowhere = || Ok(kiwi_store::open(&StoreUrl::Embedded(nowhere.path().to_owned()))?);
    let started = start::host(place, caches, open_nowhere).await?;
    let names: Vec<Name> = started.host.instances().map(Instance::name).cloned().collect();
    let mut maps = BTreeMap::new();
    let all = async {
        for cache in &names {
            maps.extend(load_one(&started.host, cache).await?.map(|map| (cache.clone(), map)));
        }
        Ok::<_, anyhow::Error>(())
    };
    screen.during(&started.host, all).await?;
    let exit = match (names.len(), maps.len()) {
        (0, _) => Exit::Usage,
        (all, loaded) if all == loaded && started.skipped.is_empty() => Exit::Done,
        _ => Exit::Failed,
    };
    Ok(Loaded { maps, exit })
}

/// Loads one cache, or says why it cannot be.
async fn load_one(host: &Host, cache: &Name) -> Result<Option<Map>> {
    let mut entries = Vec::new();
    let take = |batch: &Batch| entries.extend(batch.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    if let Err(failure) = host.load_dry(cache, take).await? {
        let detail = failure.detail.map_or(String::new(), |detail| format!("\n{detail}"));
        tracing::error!("cache `{cache}` failed ({}): {}{detail}", failure.kind, failure.message);
        return Ok(None);
    }
    let entry = |(key, value)| Ok((key, RawValue::from_string(value)?));
    Ok(Some(entries.into_iter().map(entry).collect::<Result<_>>()?))
}
