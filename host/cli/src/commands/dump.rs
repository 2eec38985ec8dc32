//! `kiwi-host dump CACHE`

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use serde_json::value::RawValue;

use super::snapshot;
use crate::args::{CacheArgs, Format};
use crate::exit::Exit;
use crate::output::Output;
use crate::target::Target;
use crate::visible;

/// The result as JSON.
#[derive(Serialize)]
struct Dump<'a> {
    cache: &'a str,
    entries: &'a BTreeMap<&'a str, &'a RawValue>,
}

/// Prints the whole map, sorted by key: one entry a line, or one JSON object.
pub(crate) async fn run(target: &Target, args: &CacheArgs, output: &mut Output) -> Result<Exit> {
    let snapshot = snapshot::load(target, &args.cache).await?;
    let map: BTreeMap<&str, &RawValue> = snapshot.iter().map(|(key, value)| (key, &**value)).collect();
    match output.format() {
        Format::Human => write_entries(map.iter().map(|(key, value)| (*key, value.get())), output)?,
        Format::Json => output.json(&Dump { cache: args.cache.as_str(), entries: &map })?,
    }
    Ok(Exit::Success)
}

/// Writes a line for each entry: the key, a tab, the value. Neither holds a tab or breaks the line.
pub(super) fn write_entries<'a>(
    mut entries: impl Iterator<Item = (&'a str, &'a str)>,
    output: &mut Output,
) -> Result<()> {
    entries.try_for_each(|(key, value)| {
        Ok(output.line(format_args!("{}\t{}", visible::text(key), visible::json(value)))?)
    })
}
