//! `refill --dry-run --diff`: what a refill would change, and whether a guard would refuse it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use kiwi_cache::Snapshot;
use kiwi_host::CacheConfig;
use kiwi_store::{Error, Name};
use serde::Serialize;
use serde_json::value::RawValue;

use super::dry_run::{self, Loaded, Map};
use super::same_value::is_same_value;
use super::snapshot;
use crate::args::Format;
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::progress::Terminal;
use crate::style::Style;
use crate::target::Target;
use crate::visible;

/// How much of a value a line shows, and how much of that comes before the first difference.
const MAX_CHARS: usize = 60;
const CHARS_BEFORE: usize = 20;

/// Loads each cache once and prints how its map differs from the published one. Nothing is published,
/// and no lease is taken.
pub(super) async fn run(
    target: &Target,
    caches: Vec<CacheConfig>,
    output: &mut Output,
    terminal: &Terminal,
) -> Result<Exit> {
    let Loaded { maps, exit } = dry_run::load(target, caches.clone(), terminal).await?;
    let mut loaded = Vec::with_capacity(maps.len());
    for config in &caches {
        if let Some(map) = maps.get(&config.name) {
            loaded.push((config, map, published(target, &config.name).await?));
        }
    }
    let diffs = loaded.iter().map(|(config, map, published)| Diff::new(config, map, published.as_deref()));
    let diffs: Vec<Diff<'_>> = diffs.collect();
    match output.format() {
        _ if exit == Exit::Usage => {}
        Format::Json => output.json_of("diffs", &diffs)?,
        Format::Human => diffs.iter().try_for_each(|diff| diff.write(output))?,
    }
    let is_refused = diffs.iter().any(|diff| diff.refused.is_some());
    Ok(if exit == Exit::Success && is_refused { Exit::Failure } else { exit })
}

/// The published map, if there is one.
async fn published(target: &Target, cache: &Name) -> Result<Option<Arc<Snapshot<Box<RawValue>>>>> {
    if target.store_to_create()?.is_some() {
        return Ok(None);
    }
    match snapshot::load(target, cache).await {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) if error.downcast_ref().is_some_and(Error::is_missing) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How a new map differs from the published one.
#[derive(Debug, Serialize)]
struct Diff<'a> {
    cache: &'a str,
    /// How many entries are published; `None` if nothing is, or if the data is incomplete.
    published: Option<u64>,
    entries: u64,
    added: BTreeMap<&'a str, &'a RawValue>,
    removed: BTreeMap<&'a str, &'a RawValue>,
    changed: BTreeMap<&'a str, Change<'a>>,
    /// How many entries have the same text.
    same: u64,
    /// How many entries have the same value as differently formatted JSON: most of those that kiwi-cache wrote.
    reformatted: u64,
    /// The guard that would refuse the new map.
    refused: Option<Refused>,
}

#[derive(Debug, Serialize)]
struct Change<'a> {
    old: &'a RawValue,
    new: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct Refused {
    guard: &'static str,
    message: String,
}

impl<'a> Diff<'a> {
    fn new(config: &'a CacheConfig, map: &'a Map, published: Option<&'a Snapshot<Box<RawValue>>>) -> Self {
        let (mut added, mut changed, mut same, mut reformatted) = (BTreeMap::new(), BTreeMap::new(), 0, 0);
        for (key, new) in map {
            match published.and_then(|published| published.get(key)) {
                None => drop(added.insert(key.as_str(), &**new)),
                Some(old) if old.get() == new.get() => same += 1,
                Some(old) if is_same_value(old, new) => reformatted += 1,
                Some(old) => drop(changed.insert(key.as_str(), Change { old, new })),
            }
        }
        let gone = published.into_iter().flatten().filter(|(key, _)| !map.contains_key(*key));
        let removed: BTreeMap<&str, &RawValue> = gone.map(|(key, old)| (key, &**old)).collect();
        let entries = map.len() as u64;
        let published = published.map(|published| published.len() as u64);
        // An unchanged map is not published again, so the guards do not apply.
        let is_new = published.is_none() || !(removed.is_empty() && same == entries);
        let refusal = is_new.then(|| config.admit(entries, published).err()).flatten();
        let refused = refusal.map(|it| Refused { guard: it.guard(), message: config.explain(&it) });
        Self { cache: config.name.as_str(), published, entries, added, removed, changed, same, reformatted, refused }
    }

    fn write(&self, output: &mut Output) -> Result<()> {
        let Self { cache, added, removed, changed, same, .. } = self;
        let count = |number: usize| human::count(number as u64);
        let counts = [(added.len(), "added"), (removed.len(), "removed"), (changed.len(), "changed")];
        let counts: Vec<String> = counts.iter().map(|(number, what)| format!("{} {what}", count(*number))).collect();
        let mut heading = format!("# {cache}: {}, {} the same", counts.join(", "), human::count(*same));
        if self.reformatted > 0 {
            heading += &format!(", {} reformatted", human::count(self.reformatted));
        }
        output.styled_line(Style::Heading, heading)?;
        let whole = |value: &RawValue| excerpt(&visible::json(value.get()), 0);
        let lines = added.iter().map(|(key, new)| format!("+ {} {}", visible::text(key), whole(new)));
        write_lines(lines, "added", Style::Good, output)?;
        let lines = removed.iter().map(|(key, old)| format!("- {} {}", visible::text(key), whole(old)));
        write_lines(lines, "removed", Style::Bad, output)?;
        let lines = changed.iter().map(|(key, change)| format!("~ {} {}", visible::text(key), change.in_line()));
        write_lines(lines, "changed", Style::Warning, output)?;
        self.write_verdict(output)
    }

    fn write_verdict(&self, output: &mut Output) -> Result<()> {
        let (style, verdict) = match (&self.refused, self.published) {
            (Some(refused), _) => (Style::Bad, format!("would be refused: {}", refused.message)),
            (None, None) => (Style::Good, "would be published; nothing is published yet".to_owned()),
            (None, Some(published)) if published == self.same && self.entries == self.same => {
                (Style::Good, "would be unchanged".to_owned())
            }
            (None, Some(_)) => (Style::Good, "would be published".to_owned()),
        };
        Ok(output.styled_line(style, format_args!("{}: {verdict}", self.cache))?)
    }
}

impl Change<'_> {
    /// Both values, starting shortly before the first difference.
    fn in_line(&self) -> String {
        let (old, new) = (visible::json(self.old.get()), visible::json(self.new.get()));
        let common = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
        let from = common.saturating_sub(CHARS_BEFORE);
        format!("{} -> {}", excerpt(&old, from), excerpt(&new, from))
    }
}

/// Writes as many lines as the output allows, and how many were left out.
fn write_lines(
    mut lines: impl ExactSizeIterator<Item = String>,
    what: &str,
    style: Style,
    output: &mut Output,
) -> Result<()> {
    let max_lines = output.max_lines();
    for line in lines.by_ref().take(max_lines) {
        output.styled_line(style, line)?;
    }
    match lines.len() {
        0 => Ok(()),
        more => Ok(output.line(format_args!("... and {} more {what} (-v shows all)", human::count(more as u64)))?),
    }
}

/// A value: all of it if it is short, otherwise a part that begins at this character.
fn excerpt(value: &str, from: usize) -> String {
    let chars = value.chars().count();
    if chars <= MAX_CHARS {
        return value.to_owned();
    }
    let from = from.min(chars - MAX_CHARS);
    let shown: String = value.chars().skip(from).take(MAX_CHARS).collect();
    let (before, after) = (from > 0, from + MAX_CHARS < chars);
    format!("{}{shown}{}", if before { "…" } else { "" }, if after { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_line(old: &str, new: &str) -> String {
        let [old, new] = [old, new].map(|text| RawValue::from_string(text.to_owned()).unwrap());
        Change { old: &old, new: &new }.in_line()
    }

    #[test]
    fn a_line_shows_where_long_values_differ() {
        assert_eq!(in_line("1.10", "1.1"), "1.10 -> 1.1");
        assert_eq!(in_line("{\n  \"a\": 1}", "[]"), "{   \"a\": 1} -> []");
        let long = |end: &str| format!("\"{}{end}\"", "é".repeat(100));
        let before = "é".repeat(CHARS_BEFORE);
        let first = format!("{}é{before}old", "é".repeat(MAX_CHARS - CHARS_BEFORE - 5));
        assert_eq!(
            in_line(&long("old"), &long("new")),
            format!("…{first}\" -> …{}new\"", first.trim_end_matches("old"))
        );
        let early = format!("\"{}\"", "x".repeat(100));
        let late = format!("\"{}\"", "y".repeat(100));
        let shown = |char: &str| format!("\"{}…", char.repeat(MAX_CHARS - 1));
        assert_eq!(in_line(&early, &late), format!("{} -> {}", shown("x"), shown("y")));
    }
}
