//! The TOML to add to kiwi.toml, so that a cache has what its plugin needs.

use std::path::Path;

use kiwi_host::{Needs, PluginError, Setting};
use kiwi_store::Name;

/// Why a plugin cannot run a cache, with the TOML to add where that is what is missing.
pub(crate) fn obstacle(cache: &Name, plugin: Option<&Path>, error: &PluginError) -> String {
    let mut said = error.to_string();
    if let Some(needs) = error.needs() {
        said += "; to add to kiwi.toml:";
        for line in toml_to_add(cache, plugin, needs) {
            said += "\n    ";
            said += &line;
        }
    }
    said
}

/// Lines for the table of a cache: its settings and grants that are missing, ready to be filled in.
/// With `plugin`, the cache is new, and its `plugin` line comes first.
pub(crate) fn toml_to_add(cache: &Name, plugin: Option<&Path>, needs: &Needs) -> Vec<String> {
    // A name with a dot would be a table in a table.
    let name = cache.as_str();
    let mut lines = vec![if name.contains('.') { format!("[cache.{name:?}]") } else { format!("[cache.{name}]") }];
    lines.extend(plugin.map(|plugin| format!("plugin = {}", text(&plugin.display().to_string()))));
    for setting in &needs.settings {
        lines.push(format!(
            "settings.{} = {}  # {}",
            key(&setting.name),
            placeholder(setting),
            one_line(&setting.help)
        ));
    }
    let mut kinds: Vec<&str> = needs.grants.iter().map(|grant| grant.kind.as_str()).collect();
    kinds.dedup();
    for kind in kinds {
        let asked = || needs.grants.iter().filter(|grant| grant.kind == kind);
        let names: Vec<String> = asked().map(|grant| text(&grant.name)).collect();
        let reasons: Vec<String> = asked().map(|grant| one_line(&grant.reason)).collect();
        lines.push(format!("grants.{} = [{}]  # {}", key(kind), names.join(", "), reasons.join("; ")));
    }
    lines
}

/// A value of the right kind, to be replaced.
fn placeholder(setting: &Setting) -> &'static str {
    match setting.kind.as_str() {
        "integer" | "number" => "0",
        "boolean" => "false",
        "array" => "[]",
        "table" => "{}",
        _ => "\"...\"",
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { text(name) }
}

/// A string in TOML.
fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What a plugin says of itself may hold anything: it stays in its comment.
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
    fn what_is_to_be_added_is_toml_that_gives_it() {
        let name: Name = "eu.rates".parse().unwrap();
        let lines = toml_to_add(&name, Some(Path::new("p/http.wasm")), &needs());
        let added: toml::Table = lines.join("\n").parse().unwrap();
        let cache = &added["cache"]["eu.rates"];
        assert_eq!(cache["plugin"].as_str(), Some("p/http.wasm"));
        assert!(cache["settings"]["url"].is_str() && cache["settings"]["n"].is_integer());
        assert!(cache["settings"]["a b"].is_table());
        assert_eq!(cache["grants"]["http"].as_array().map(Vec::len), Some(2));
        assert_eq!(cache["grants"]["dirs"][0].as_str(), Some("da\"ta"));
        assert_eq!(lines[2], "settings.url = \"...\"  # Help. x = 1");
    }

    #[test]
    fn a_cache_that_is_there_already_keeps_its_plugin() {
        let lines = toml_to_add(&"rates".parse().unwrap(), None, &Needs::default());
        assert_eq!(lines, ["[cache.rates]"]);
    }
}
