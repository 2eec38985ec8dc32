//! What to add to kiwi.toml, so that a cache has what its plugin needs: as advice, or as an edit of the file.

mod edit;
mod missing;
mod place;

use std::fs;

use kiwi_host::{CacheConfig, PluginError};
use kiwi_store::Name;
use toml_edit::{Array, DocumentMut, TableLike, Value};

pub(crate) use self::edit::{Added, add};
pub(crate) use self::missing::Missing;
use self::missing::{Definition, MissingSecret, PLACEHOLDER};
use self::place::{Form, Place};
use crate::config::Config;
use crate::shipped;

/// Why a plugin cannot run a cache, and what to add to kiwi.toml if settings or grants are missing.
pub(crate) fn explain(config: Option<&Config>, cache: &CacheConfig, error: &PluginError) -> String {
    let unfilled = placeholders(config, cache);
    match error.needs() {
        // With a placeholder, a plugin asks for the wrong grants.
        _ if !unfilled.is_empty() => unfilled.join("; "),
        None => match cache.plugin().and_then(shipped::name_of).and_then(shipped::absent) {
            Some(absent) => absent,
            None => error.to_string(),
        },
        Some(needs) => format!("{error}; {}", advice(config, &cache.name, &Missing::new(config, cache, needs))),
    }
}

/// What to add, and where: a table to paste, or the place in the table that exists.
pub(crate) fn advice(config: Option<&Config>, cache: &Name, missing: &Missing) -> String {
    let text = config.and_then(|config| fs::read_to_string(&config.path).ok()).unwrap_or_default();
    let file = config.map_or("kiwi.toml".into(), |config| config.path.display().to_string());
    let mut paragraphs = Vec::new();
    let parts = parts(&text, cache, missing);
    if missing.plugin.is_some() || parts.iter().any(|(place, _)| place.is_none()) {
        paragraphs.push(format!("add to {file}:{}", indented(toml_to_add(cache, missing).lines())));
    } else {
        for (place, lines) in parts {
            let Some(place) = place else { continue };
            let lines = match place.form {
                Form::Lines => indented(lines.iter().map(String::as_str)),
                Form::Inline | Form::Array => indented([lines.join(", ").as_str()]),
            };
            paragraphs.push(format!("in {file}, {}, add:{lines}", place.words));
        }
    }
    for Definition { name, place, lines } in &missing.definitions {
        paragraphs.push(format!("define `{name}` in {file}, {place}:{}", indented(lines.iter().map(String::as_str))));
    }
    let unknown = missing.unknown_kinds.iter();
    paragraphs.extend(unknown.map(|kind| format!("this host has no grants of the kind `{kind}`: update kiwi-host")));
    if !missing.settings.is_empty() {
        let after = "then run `kiwi-host check` again: which grants the plugin needs may depend on these settings";
        paragraphs.push(after.to_owned());
    }
    paragraphs.join("\n  ")
}

/// What to add at each place, in their order. `None`: the file does not have the cache.
fn parts(text: &str, cache: &Name, missing: &Missing) -> Vec<(Option<Place>, Vec<String>)> {
    let mut parts: Vec<(Option<Place>, Vec<String>)> = Vec::new();
    let mut add = |place: Option<Place>, line: String| match parts.iter_mut().find(|(known, _)| same(known, &place)) {
        Some((_, lines)) => lines.push(line),
        None => parts.push((place, vec![line])),
    };
    for setting in &missing.settings {
        let place = place::find(text, cache, &["settings"]);
        let (prefix, is_line) = prefix(place.as_ref());
        let key = toml_edit::Key::new(&setting.name);
        let comment = if is_line { format!("  # {}", setting.help) } else { String::new() };
        add(place, format!("{prefix}{} = {}{comment}", key.display_repr(), setting.value));
    }
    for kind in missing.grant_kinds() {
        let place = place::find(text, cache, &["grants", kind]);
        let (names, reason) = missing.grants_of(kind);
        if place.as_ref().is_some_and(|place| place.form == Form::Array) {
            names.into_iter().for_each(|name| add(place.clone(), Value::from(name).to_string()));
            continue;
        }
        let (prefix, is_line) = prefix(place.as_ref());
        let list: Array = names.into_iter().collect();
        let comment = if is_line { format!("  # {reason}") } else { String::new() };
        add(place, format!("{} = {list}{comment}", prefix.trim_end_matches('.')));
    }
    for MissingSecret { name, origins, reason, .. } in missing.secrets() {
        let place = place::find(text, cache, &["grants", "secrets"]);
        let (prefix, is_line) = prefix(place.as_ref());
        let comment = if is_line { format!("  # {reason}") } else { String::new() };
        add(place, format!("{prefix}{} = {origins}{comment}", toml_edit::Key::new(name).display_repr()));
    }
    parts
}

/// The line of a key in the text of a kiwi.toml.
pub(crate) fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let (last, tables) = path.split_last()?;
    let mut table: &dyn TableLike = document.as_table();
    for key in tables {
        table = table.get(key)?.as_table_like()?;
    }
    let start = table.key(last)?.span()?.start;
    Some(text[..start].matches('\n').count() + 1)
}

/// Each setting of a cache that still has the placeholder as its value, in one sentence.
pub(crate) fn placeholders(config: Option<&Config>, cache: &CacheConfig) -> Vec<String> {
    let unfilled = missing::unfilled(cache).into_iter().map(|setting| {
        let place = line_of_setting(config, &cache.name, &setting);
        format!("{place}the setting `{setting}` still has the placeholder `{PLACEHOLDER}`: fill it in")
    });
    unfilled.collect()
}

/// Where a setting of a cache is, as the beginning of a message: `kiwi.toml:12: `.
fn line_of_setting(config: Option<&Config>, cache: &Name, setting: &str) -> String {
    let line = || {
        let path = &config?.path;
        let keys = ["cache", cache.as_str(), "settings", setting].map(ToOwned::to_owned);
        let line = line_of(&fs::read_to_string(path).ok()?, &keys)?;
        Some(format!("{}:{line}: ", path.display()))
    };
    line().unwrap_or_default()
}

/// Whether two places are one: what is before the key there does not matter.
fn same(one: &Option<Place>, other: &Option<Place>) -> bool {
    one.as_ref().map(|place| &place.words) == other.as_ref().map(|place| &place.words)
}

/// What stands before a key at a place, and whether each key is on a line of its own.
fn prefix(place: Option<&Place>) -> (String, bool) {
    place.map_or((String::new(), true), |place| (place.prefix.clone(), place.form == Form::Lines))
}

fn indented<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().map(|line| format!("\n    {line}")).collect()
}

/// What is missing as a table of the cache, with placeholders as values. If the cache is new, its table begins with
/// the plugin.
pub(crate) fn toml_to_add(cache: &Name, missing: &Missing) -> String {
    let mut document = DocumentMut::new();
    add(&mut document, cache, missing);
    document.to_string().trim_end().to_owned()
}
