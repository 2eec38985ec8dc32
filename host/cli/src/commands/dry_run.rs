//! `run --dry-run` and `refill --dry-run`: loads that do not touch the store.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kiwi_host::{CacheConfig, Host, Instance};
use kiwi_store::{Batch, Layout, Name, StoreUrl};
use serde_json::value::RawValue;

use super::{dump, start};
use crate::args::Format;
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::progress::Terminal;
use crate::style::Style;
use crate::target::Target;

/// A map as its loader gave it, sorted by key.
pub(super) type Map = BTreeMap<String, Box<RawValue>>;

/// The results of the loads.
pub(super) struct Loaded {
    /// The maps of the caches that were loaded.
    pub(super) maps: BTreeMap<Name, Map>,
    pub(super) exit: Exit,
}

/// Loads each cache once and prints its map.
pub(super) async fn run(
    target: &Target,
    caches: Vec<CacheConfig>,
    output: &mut Output,
    terminal: &Terminal,
) -> Result<Exit> {
    let Loaded { maps, exit } = load(target, caches, terminal).await?;
    match output.format() {
        _ if exit == Exit::Usage => {}
        Format::Json => {
            let maps: BTreeMap<&str, &Map> = maps.iter().map(|(cache, map)| (cache.as_str(), map)).collect();
            output.json_of("maps", &maps)?;
        }
        Format::Human => {
            for (cache, map) in &maps {
                output.styled_line(Style::Heading, format_args!("# {cache}: {}", human::entries(map.len() as u64)))?;
                dump::write_entries(map.iter().map(|(key, value)| (key.as_str(), value.get())), output)?;
            }
        }
    }
    Ok(exit)
}

/// Loads each cache once. Nothing is published: the host gets a temporary store, which stays empty.
pub(super) async fn load(target: &Target, caches: Vec<CacheConfig>, terminal: &Terminal) -> Result<Loaded> {
    // The temporary store supports no other layout.
    let as_hash = |cache| CacheConfig { layout: Layout::Hash, ..cache };
    let caches = caches.into_iter().map(as_hash).collect();
    let directory = tempfile::tempdir().context("could not create a temporary directory")?;
    let open_store = || Ok(kiwi_store::open(&StoreUrl::Embedded(directory.path().to_owned()))?);
    let started = start::host(target, caches, open_store).await?;
    let names: Vec<Name> = started.host.instances().iter().map(Instance::name).cloned().collect();
    let mut maps = BTreeMap::new();
    let all = async {
        for cache in &names {
            maps.extend(load_one(&started.host, cache).await?.map(|map| (cache.clone(), map)));
        }
        Ok::<_, anyhow::Error>(())
    };
    terminal.show_progress(&started.host, all).await?;
    let exit = match (names.len(), maps.len()) {
        (0, _) => Exit::Usage,
        (all, loaded) if all == loaded && started.skipped.is_empty() => Exit::Success,
        _ => Exit::Failure,
    };
    Ok(Loaded { maps, exit })
}

/// Loads one cache. If that fails, logs why and returns `None`.
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
