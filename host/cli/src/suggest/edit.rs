//! Adding what a cache lacks to kiwi.toml, in whatever form its tables are written. All that is there stays.

use kiwi_store::Name;
use toml_edit::{Array, DocumentMut, InlineTable, Item, RawString, Table, Value};

use super::missing::{Missing, MissingSecret};

/// What was added.
pub(crate) struct Added {
    /// The path of its key, such as `cache.airlines.settings.path`.
    pub(crate) path: Vec<String>,
    /// As it would be in the table of the cache: `settings.path = "..."`.
    pub(crate) text: String,
    /// What it is for; empty if that is obvious.
    pub(crate) reason: String,
    /// Whether the value can stay as it is.
    pub(crate) is_complete: bool,
}

/// Adds what a cache lacks to a document. The document must be a valid configuration.
pub(crate) fn add(document: &mut DocumentMut, cache: &Name, missing: &Missing) -> Vec<Added> {
    let mut added = Vec::new();
    let path = |keys: &[&str]| ["cache", cache.as_str()].iter().chain(keys).map(|key| (*key).to_owned()).collect();
    let caches = document.entry("cache").or_insert_with(|| {
        let mut caches = Table::new();
        caches.set_implicit(true);
        Item::Table(caches)
    });
    let is_new = caches.get(cache.as_str()).is_none();
    if is_new && let Some(caches) = caches.as_table_mut() {
        caches.insert(cache.as_str(), Item::Table(Table::new()));
    }
    let table = child(caches, cache.as_str());
    if let Some(plugin) = missing.plugin.as_deref().filter(|_| is_new) {
        let value = Value::from(plugin);
        let text = format!("plugin = {}", shown(&value));
        added.push(Added { path: path(&["plugin"]), text, reason: String::new(), is_complete: true });
        insert(table, "plugin", value, "");
    }
    for setting in &missing.settings {
        let text = format!("settings.{} = {}", quoted(&setting.name), shown(&setting.value));
        let (path, reason) = (path(&["settings", &setting.name]), setting.help.clone());
        added.push(Added { path, text, reason, is_complete: setting.is_complete });
        if child(table, "settings").is_inline_table() {
            comment_above(table, "settings", &format!("{}: {}", setting.name, setting.help));
        }
        insert(child(table, "settings"), &setting.name, setting.value.clone(), &setting.help);
    }
    for kind in missing.grant_kinds() {
        let (names, reason) = missing.grants_of(kind);
        let list: Array = names.iter().copied().collect();
        let text = format!("grants.{kind} = {}", shown(&list.clone().into()));
        added.push(Added { path: path(&["grants", kind]), text, reason: reason.clone(), is_complete: true });
        let grants = child(table, "grants");
        match grants.get_mut(kind).and_then(Item::as_array_mut) {
            Some(granted) => names.into_iter().for_each(|name| push(granted, name)),
            None => insert(grants, kind, list.into(), &reason),
        }
    }
    for MissingSecret { name, origins, is_complete, reason } in missing.secrets() {
        let text = format!("grants.secrets.{} = {}", quoted(name), shown(&origins.clone().into()));
        added.push(Added { path: path(&["grants", "secrets", name]), text, reason: reason.clone(), is_complete });
        insert(child(child(table, "grants"), "secrets"), name, origins.into(), &reason);
    }
    added
}

/// The table of a key. If it does not exist, it is created: below a header as dotted keys, otherwise inline.
fn child<'a>(parent: &'a mut Item, key: &str) -> &'a mut Item {
    if parent.get(key).is_none() {
        match parent {
            Item::Table(table) => {
                let mut dotted = Table::new();
                dotted.set_dotted(true);
                table.insert(key, Item::Table(dotted));
            }
            _ => insert(parent, key, InlineTable::new().into(), ""),
        }
    }
    &mut parent[key]
}

/// Adds a value, with a comment at the end of its line where there can be one.
fn insert(parent: &mut Item, key: &str, mut value: Value, comment: &str) {
    match parent {
        Item::Table(table) => {
            if !comment.is_empty() {
                value.decor_mut().set_prefix(" ");
                value.decor_mut().set_suffix(format!("  # {comment}"));
            }
            table.insert(key, Item::Value(value));
        }
        Item::Value(Value::InlineTable(table)) => insert_inline(table, key, value),
        _ => {}
    }
}

/// Adds a value to `{ ... }`, formatted as the last one is.
fn insert_inline(table: &mut InlineTable, key: &str, mut value: Value) {
    let last = table.iter().last().map(|(key, _)| key.to_owned());
    let mut prefix = None;
    if let Some(last) = last {
        prefix = table.key(&last).and_then(|key| text(key.leaf_decor().prefix()).map(ToOwned::to_owned));
        if let Some(last) = table.get_mut(&last).filter(|_| !value_is_dotted(&value)) {
            // The space before the closing brace moves behind the new value.
            let suffix = text(last.decor().suffix()).unwrap_or(" ").to_owned();
            last.decor_mut().set_suffix("");
            value.decor_mut().set_prefix(" ");
            value.decor_mut().set_suffix(suffix);
        }
    }
    table.insert(key, value);
    if let (Some(prefix), Some(mut key)) = (prefix, table.key_mut(key)) {
        let prefix = if prefix.is_empty() { " ".to_owned() } else { prefix };
        key.leaf_decor_mut().set_prefix(prefix);
    }
}

fn value_is_dotted(value: &Value) -> bool {
    value.as_inline_table().is_some_and(InlineTable::is_dotted)
}

/// Adds a text to `[ ... ]`, formatted as the last one is.
fn push(array: &mut Array, added: &str) {
    let mut value = Value::from(added);
    if let Some(last) = array.len().checked_sub(1).and_then(|last| array.get_mut(last)) {
        let prefix = text(last.decor().prefix()).unwrap_or_default().to_owned();
        let indent = prefix.rsplit_once('\n').map(|(_, indent)| indent.to_owned());
        let suffix = text(last.decor().suffix()).unwrap_or_default().to_owned();
        last.decor_mut().set_suffix("");
        value.decor_mut().set_suffix(suffix);
        let trailing = text(Some(array.trailing())).unwrap_or_default().to_owned();
        match (indent, trailing.rsplit_once('\n')) {
            // A comment behind the last comma stays on its line.
            (Some(indent), Some((comment, closing))) if array.trailing_comma() => {
                value.decor_mut().set_prefix(format!("{comment}\n{indent}"));
                array.set_trailing(format!("\n{closing}"));
            }
            (Some(_), _) => value.decor_mut().set_prefix(prefix),
            (None, _) => value.decor_mut().set_prefix(" "),
        }
    }
    array.push_formatted(value);
}

/// Adds a comment above the line of a key.
fn comment_above(parent: &mut Item, key: &str, comment: &str) {
    let Some(mut key) = parent.as_table_mut().and_then(|table| table.key_mut(key)) else { return };
    let before = text(key.leaf_decor().prefix()).unwrap_or_default().to_owned();
    let indent = before.rsplit('\n').next().unwrap_or_default();
    key.leaf_decor_mut().set_prefix(format!("{before}# {comment}\n{indent}"));
}

fn text(raw: Option<&RawString>) -> Option<&str> {
    raw.and_then(RawString::as_str)
}

/// A value on one line, without the spaces and comments around it.
fn shown(value: &Value) -> String {
    value.clone().decorated("", "").to_string()
}

/// A key as it is written in TOML, with quotes if it needs them.
fn quoted(key: &str) -> String {
    toml_edit::Key::new(key).display_repr().into_owned()
}

#[cfg(test)]
mod tests {
    use kiwi_host::{AskedGrant, CacheConfig, Needs, Setting};

    use super::*;

    fn needs() -> Needs {
        let setting = |name: &str, default: Option<&str>| Setting {
            name: name.into(),
            kind: "text".into(),
            required: true,
            default_value: default.map(Into::into),
            help: format!("Help of {name}."),
        };
        let grant = |kind: &str, name: &str| AskedGrant {
            kind: kind.into(),
            name: name.into(),
            reason: format!("to read {name}"),
        };
        Needs {
            settings: vec![setting("url", None), setting("n", Some("[1, \"a\"]"))],
            grants: vec![grant("dirs", "b"), grant("env", "TOKEN"), grant("sql", "main"), grant("secrets", "api.key")],
        }
    }

    /// The document after the edit, which must be a valid one.
    fn edited(text: &str) -> String {
        let name: Name = "c".parse().unwrap();
        let mut document: DocumentMut = text.parse().unwrap();
        let missing = Missing::new(None, &CacheConfig::new(name.clone(), "p.wasm"), &needs());
        let added = add(&mut document, &name, &missing);
        let edited = document.to_string();
        let parsed: DocumentMut = edited.parse().unwrap_or_else(|error| panic!("{error}\n{edited}"));
        for Added { path, .. } in added {
            let mut item = parsed.as_item();
            path.iter().for_each(|key| item = item.get(key).unwrap_or_else(|| panic!("{key} of {path:?}\n{edited}")));
        }
        let cache = &parsed["cache"]["c"];
        assert_eq!(cache["settings"]["url"].as_str(), Some("..."));
        assert_eq!(cache["settings"]["n"].as_array().map(Array::len), Some(2));
        let granted: Vec<_> = cache["grants"]["dirs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(granted.last(), Some(&"b"));
        assert!(cache["grants"].get("sql").is_none(), "kiwi.toml does not know it");
        assert_eq!(cache["grants"]["secrets"]["api.key"][0].as_str(), Some("https://..."));
        edited
    }

    #[test]
    fn every_form_of_a_table_keeps_its_form_and_its_comments() {
        for (before, after) in [
            (
                "# Top.\nstore = \"file:x\"\n\n[cache.a]\nplugin = \"q\" # A.\n\n[statsd]\naddress = \"udp://h:1\"\n# End.\n",
                "# Top.\nstore = \"file:x\"\n\n[cache.a]\nplugin = \"q\" # A.\n\n[cache.c]\nplugin = \"p.wasm\"\nsettings.url \
                 = \"...\"  # Help of url.\nsettings.n = [1, \"a\"]  # Help of n.\ngrants.dirs = [\"b\"]  # to read b\ngrants.env \
                 = [\"TOKEN\"]  # to read TOKEN\ngrants.secrets.\"api.key\" = [\"https://...\"]  # to read api.key\n\n[statsd]\naddress = \"udp://h:1\"\n# End.\n",
            ),
            (
                "[cache.c]   # The cache.\nplugin = \"p\"\n  # Mine.\n  settings = { path = \"s3\" }   # Inline.\ngrants = {dirs \
                 = [\"a\"]}\n",
                "[cache.c]   # The cache.\nplugin = \"p\"\n  # Mine.\n  # url: Help of url.\n  # n: Help of n.\n  settings = { \
                 path = \"s3\", url = \"...\", n = [1, \"a\"] }   # Inline.\ngrants = {dirs = [\"a\", \"b\"], env = \
                 [\"TOKEN\"], secrets = { \"api.key\" = [\"https://...\"] }}\n",
            ),
            (
                "[cache.c]\nplugin = \"p\"\nsettings.path = \"x\" # One.\ngrants.dirs = [\n    \"a\", # First.\n]\n# End.\n",
                "[cache.c]\nplugin = \"p\"\nsettings.path = \"x\" # One.\nsettings.url = \"...\"  # Help of url.\nsettings.n = \
                 [1, \"a\"]  # Help of n.\ngrants.dirs = [\n    \"a\", # First.\n    \"b\",\n]\ngrants.env = [\"TOKEN\"]  # to \
                 read TOKEN\ngrants.secrets.\"api.key\" = [\"https://...\"]  # to read api.key\n# End.\n",
            ),
            (
                "[cache.c]\nplugin = \"p\"\n[cache.c.settings]\npath = \"x\"\n[cache.c.grants]\ndirs = [\n  \"a\"\n]\n",
                "[cache.c]\nplugin = \"p\"\n[cache.c.settings]\npath = \"x\"\nurl = \"...\"  # Help of url.\nn = [1, \"a\"]  # \
                 Help of n.\n[cache.c.grants]\ndirs = [\n  \"a\",\n  \"b\"\n]\nenv = [\"TOKEN\"]  # to read TOKEN\nsecrets.\"api.key\" = [\"https://...\"]  # to read api.key\n",
            ),
            (
                "cache = { c = { plugin = \"p\" } }\n",
                "cache = { c = { plugin = \"p\", settings = { url = \"...\", n = [1, \"a\"] }, grants = { dirs = [\"b\"], env = \
                 [\"TOKEN\"], secrets = { \"api.key\" = [\"https://...\"] } } } }\n",
            ),
            (
                "cache = { a = { plugin = \"p\" } }\n",
                "cache = { a = { plugin = \"p\" }, c = { plugin = \"p.wasm\", settings = { url = \"...\", n = [1, \"a\"] }, \
                 grants = { dirs = [\"b\"], env = [\"TOKEN\"], secrets = { \"api.key\" = [\"https://...\"] } } } }\n",
            ),
        ] {
            let edited = edited(before);
            assert_eq!(edited, after, "\n--- expected:\n{after}\n--- found:\n{edited}");
        }
        for odd in [
            "[cache]\nc.plugin = \"p\"\n",
            "cache.c.plugin = \"p\"\n",
            "[cache]\nc = { plugin = \"p\", settings.path = \"x\" }\n",
            "",
        ] {
            edited(odd);
        }
    }
}
