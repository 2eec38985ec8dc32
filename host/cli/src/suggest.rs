//! Lines to add to kiwi.toml, so that a cache has what its plugin needs.

use std::path::Path;

use kiwi_host::{Needs, PluginError, Setting};
use kiwi_store::Name;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

/// Why a plugin cannot run a cache, and the lines to add if settings or grants are missing. `plugin`
/// is given if kiwi.toml does not have the cache yet.
pub(crate) fn explain(cache: &Name, plugin: Option<&Path>, error: &PluginError) -> String {
    match error.needs() {
        None => error.to_string(),
        Some(needs) => {
            let lines = toml_to_add(cache, plugin, needs);
            let lines: String = lines.lines().map(|line| format!("\n    {line}")).collect();
            format!("{error}; add to kiwi.toml:{lines}")
        }
    }
}

/// The missing settings and grants as a table of the cache, with placeholders as values. With
/// `plugin` the cache is new, and its table begins with the plugin.
pub(crate) fn toml_to_add(cache: &Name, plugin: Option<&Path>, needs: &Needs) -> String {
    let mut table = Table::new();
    if let Some(plugin) = plugin {
        table.insert("plugin", toml_edit::value(plugin.display().to_string()));
    }
    let settings = needs.settings.iter().map(|setting| {
        let value = with_comment(placeholder(setting), &one_line(&setting.help));
        (setting.name.as_str(), value)
    });
    insert_dotted(&mut table, "settings", settings);

    let mut kinds: Vec<&str> = needs.grants.iter().map(|grant| grant.kind.as_str()).collect();
    kinds.dedup();
    let grants = kinds.into_iter().map(|kind| {
        let of_kind = || needs.grants.iter().filter(|grant| grant.kind == kind);
        let names: Array = of_kind().map(|grant| grant.name.as_str()).collect();
        let reasons: Vec<String> = of_kind().map(|grant| one_line(&grant.reason)).collect();
        (kind, with_comment(names.into(), &reasons.join("; ")))
    });
    insert_dotted(&mut table, "grants", grants);

    let mut caches = Table::new();
    caches.set_implicit(true);
    caches.insert(cache.as_str(), Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert("cache", Item::Table(caches));
    document.to_string().trim_end().to_owned()
}

/// Adds values as `key.NAME = VALUE`, one on each line.
fn insert_dotted<'a>(table: &mut Table, key: &str, values: impl Iterator<Item = (&'a str, Value)>) {
    let mut dotted = Table::new();
    dotted.set_dotted(true);
    dotted.extend(values);
    if !dotted.is_empty() {
        table.insert(key, Item::Table(dotted));
    }
}

fn with_comment(mut value: Value, comment: &str) -> Value {
    value.decor_mut().set_prefix(" ");
    value.decor_mut().set_suffix(format!("  # {comment}"));
    value
}

/// A value of the right kind, to be replaced.
fn placeholder(setting: &Setting) -> Value {
    match setting.kind.as_str() {
        "integer" | "number" => 0.into(),
        "boolean" => false.into(),
        "array" => Array::new().into(),
        "table" => InlineTable::new().into(),
        _ => "...".into(),
    }
}

/// Text from a plugin may contain anything: without line breaks it cannot leave its comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use kiwi_host::AskedGrant;

    use super::*;

    fn needs() -> Needs {
        let setting = |name: &str, kind: &str| Setting {
            name: name.into(),
            kind: kind.into(),
            required: true,
            default_value: None,
            help: "Help.\nx = 1".into(),
        };
        let grant = |kind: &str, name: &str| AskedGrant {
            kind: kind.into(),
            name: name.into(),
            reason: format!("to read {name}"),
        };
        Needs {
            settings: vec![setting("url", "text"), setting("a b", "table"), setting("n", "integer")],
            grants: vec![
                grant("http", "https://a.example"),
                grant("http", "https://b.example"),
                grant("dirs", "da\"ta"),
            ],
        }
    }

    #[test]
    fn the_suggested_lines_are_toml_with_the_missing_values() {
        let name: Name = "eu.rates".parse().unwrap();
        let lines = toml_to_add(&name, Some(Path::new("p/http.wasm")), &needs());
        let added: DocumentMut = lines.parse().unwrap();
        let cache = &added["cache"]["eu.rates"];
        assert_eq!(cache["plugin"].as_str(), Some("p/http.wasm"));
        assert!(cache["settings"]["url"].is_str() && cache["settings"]["n"].is_integer());
        assert!(cache["settings"]["a b"].is_inline_table());
        assert_eq!(cache["grants"]["http"].as_array().map(Array::len), Some(2));
        assert_eq!(cache["grants"]["dirs"][0].as_str(), Some("da\"ta"));
        assert_eq!(lines.lines().nth(2), Some("settings.url = \"...\"  # Help. x = 1"));
    }

    #[test]
    fn a_cache_that_exists_keeps_its_plugin() {
        let lines = toml_to_add(&"rates".parse().unwrap(), None, &Needs::default());
        assert_eq!(lines, "[cache.rates]");
    }
}
