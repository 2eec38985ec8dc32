//! `kiwi-host run --dry-run`

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kiwi_cache::Batch;
use kiwi_cache::store::{self, StoreUrl};
use kiwi_host::{Host, Instance};
use serde_json::value::RawValue;

use super::{dump, start};
use crate::args::{Format, RunArgs};
use crate::config::select;
use crate::exit::Exit;
use crate::human;
use crate::live::Screen;
use crate::output::{Output, Tone};
use crate::place::Place;

/// Loads each cache once and prints its map. Nothing is published, and no store is touched.
pub(crate) async fn run(place: &Place, args: &RunArgs, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let caches = select(place.config.as_ref(), &args.plugins)?;
    let nowhere = tempfile::tempdir().context("a temporary directory cannot be made")?;
    let open_nowhere = || Ok(store::open(&StoreUrl::Embedded(nowhere.path().to_owned()))?);
    let started = start::host(place, caches, open_nowhere).await?;
    if started.host.instances().len() == 0 {
        return Ok(Exit::Usage);
    }
    let went_well = screen.during(&started.host, print(&started.host, output)).await?;
    Ok(if went_well && started.skipped.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Prints the maps, and tells whether all were loaded.
async fn print(host: &Host, output: &mut Output) -> Result<bool> {
    let mut went_well = true;
    let mut maps = BTreeMap::new();
    for cache in host.instances().map(Instance::name) {
        let mut entries = Vec::new();
        let take = |batch: &Batch| entries.extend(batch.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        if let Err(failure) = host.load_dry(cache, take).await? {
            went_well = false;
            let detail = failure.detail.map_or(String::new(), |detail| format!("\n{detail}"));
            tracing::error!("cache `{cache}` failed ({}): {}{detail}", failure.kind, failure.message);
            continue;
        }
        maps.insert(cache.as_str(), map(entries)?);
    }
    match output.format() {
        Format::Json => output.json(&maps)?,
        Format::Human => {
            for (cache, map) in &maps {
                output.line(
                    output.paint(Tone::Heading, format_args!("# {cache}: {}", human::entries(map.len() as u64))),
                )?;
                dump::write_lines(map.iter().map(|(key, value)| (key, value.get())), output)?;
            }
        }
    }
    Ok(went_well)
}

/// Entries that a host has checked, sorted by key.
fn map(entries: Vec<(String, String)>) -> Result<BTreeMap<String, Box<RawValue>>> {
    entries.into_iter().map(|(key, value)| Ok((key, RawValue::from_string(value)?))).collect()
}
