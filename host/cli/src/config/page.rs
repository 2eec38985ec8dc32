//! docs/configuration.md, written from the table of keys.

use std::path::Path;

use super::document::Document;
use super::file::Config;
use super::keys::{self, Key, Kind};
use super::section::Section;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

const HEAD: &str = "\
# kiwi.toml

Every key of kiwi.toml: what kind of value it takes, its default, and an example. [examples/kiwi.toml](../examples/kiwi.toml) is a
complete file. `kiwi-host check` reports all problems of a file with their line and column, and `kiwi-host check --fix` adds what is
missing.

kiwi-host reads the file that `--config` or `KIWI_CONFIG` names. Otherwise it looks for `kiwi.toml` in the current directory and in the
directories above it, up to your home directory. All paths in the file are relative to the file. An unknown key is an error.

This page is written from the code. To update it: `KIWI_UPDATE_DOCS=1 cargo test -p kiwi-host-cli configuration_page`.

## Kinds

| kind | unit | written as |
| --- | --- | --- |
| duration | `ms`, `s`, `m`, `h`, `d` | a string: `\"500ms\"`, `\"60s\"`, `\"1h 30m\"`. Never zero |
| size | `B`, `KiB`, `MiB`, `GiB` (or `kB`, `MB`, `GB`) | a string: `\"64 MiB\"`. A number without a unit is bytes, and must be at least 1024 |
| count | what the description names | a whole number: `10_000` |
| percentage | `%` | a string: `\"30%\"`, `\"12.5%\"` |
| text, path | | a string |
| list | | a list of strings: `[\"a\", \"b\"]` |
| flag | | `true` or `false` |
| secret | | `{ env = \"NAME\" }`, an environment variable of kiwi-host, or `{ file = \"PATH\" }`, a file, of which a line feed at the end does not count |
| table | | `[name]` and its keys below it, or `name = { key = value }` |
";

/// Keys of which a file has one or the other.
const ALTERNATIVES: [&str; 3] =
    ["connections.NAME.url_env", "connections.NAME.url_file", "connections.NAME.password_file"];

const SECTIONS: [(&str, &str, &str); 8] = [
    ("", "## The whole file", "These keys are at the top of the file, above the first `[table]`."),
    ("statsd.", "## `[statsd]`", "The long form of `statsd`."),
    ("http.", "## `[http]`", "How the HTTP requests of all plugins leave this machine."),
    (
        "auth.NAME.",
        "## `[auth.NAME]`",
        "Credentials that kiwi-host sends on behalf of plugins, which see nothing of them. See [secrets.md](secrets.md).",
    ),
    (
        "connections.NAME.",
        "## `[connections.NAME]`",
        "One table for each database that plugins may read. A plugin knows its name only, and only if the cache's grants have it.",
    ),
    (
        "cache.NAME.",
        "## `[cache.NAME]`",
        "One table for each cache. What a cache does not set comes from `[defaults]`.",
    ),
    ("cache.NAME.grants.", "## `grants` of a cache", "What the plugin may access. All other access is denied."),
    (
        "cache.NAME.limits.",
        "## `limits` of a cache",
        "What bounds one load. A `limits` table in `[defaults]` sets those that a cache does not set itself.",
    ),
];

/// The page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (prefix, heading, text) in SECTIONS {
        page += &format!("\n{heading}\n\n{text}\n\n");
        let has_defaults = keys::all().any(|key| is_in(key, prefix) && key.in_defaults);
        let (heading, rule) = if has_defaults { (" in `[defaults]` |", " --- |") } else { ("", "") };
        page += &format!("| key | kind | unit | default | example |{heading} description |\n");
        page += &format!("| --- | --- | --- | --- | --- |{rule} --- |\n");
        for key in keys::all().filter(|key| is_in(key, prefix)) {
            let name = &key.path[prefix.len()..];
            let defaults = match (has_defaults, key.in_defaults) {
                (false, _) => "",
                (true, true) => " yes |",
                (true, false) => " |",
            };
            let (kind, unit) = kind_and_unit(key.kind);
            page += &format!(
                "| `{name}` | {kind} | {unit} | {} | `{name} = {}` |{defaults} {} |\n",
                (key.default)(),
                key.example,
                key.help
            );
        }
    }
    page
}

/// Whether a key is directly in the table with this prefix.
fn is_in(key: &Key, prefix: &str) -> bool {
    key.path.strip_prefix(prefix).is_some_and(|name| !name.contains('.'))
}

fn kind_and_unit(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Text => ("text", ""),
        Kind::Path => ("path", ""),
        Kind::Duration => ("duration", "`ms` to `d`"),
        Kind::Ttl => ("duration or `\"none\"`", "`ms` to `d`"),
        Kind::Size => ("size", "`B` to `GiB`"),
        Kind::Count(unit) => ("count", unit),
        Kind::Percent => ("percentage", "`%`"),
        Kind::Flag => ("flag", ""),
        Kind::Texts => ("list", ""),
        Kind::Table => ("table", ""),
        Kind::TextOrTable => ("text or table", ""),
        Kind::Secret => ("secret", ""),
        Kind::TextOrSecret => ("text or secret", ""),
    }
}

/// The kinds of `[auth]`, and the keys that each has for itself.
const AUTH: [(&str, &[&str]); 3] = [
    ("bearer", &["token"]),
    ("basic", &["user", "password"]),
    ("oauth2", &["token_url", "client_id", "client_secret", "client_auth", "scope", "audience"]),
];

/// A file with every key, made of the examples. `statsd` has two forms: this has the table.
fn full_file() -> String {
    let mut file = String::new();
    let lines = |prefix: &str, in_defaults: bool| {
        let keys = keys::all().filter(|key| is_in(key, prefix) && (key.in_defaults || !in_defaults));
        let is_value =
            |key: &&Key| key.kind != Kind::Table || key.path.ends_with("settings") || key.path.ends_with("secrets");
        let values = keys.filter(is_value).filter(|key| key.path != "statsd" && !ALTERNATIVES.contains(&key.path));
        values.map(|key| format!("{} = {}\n", &key.path[prefix.len()..], key.example)).collect::<String>()
    };
    file += &lines("", false);
    for (kind, own) in AUTH {
        let name = if kind == "bearer" { "partner" } else { kind };
        file += &format!("[auth.{name}]\nkind = \"{kind}\"\n");
        for key in keys::all().filter(|key| is_in(key, "auth.NAME.") && key.path != "auth.NAME.kind") {
            let name = &key.path["auth.NAME.".len()..];
            if name == "hosts" || own.contains(&name) {
                file += &format!("{name} = {}\n", key.example);
            }
        }
    }
    for (table, prefix, in_defaults) in [
        ("statsd", "statsd.", false),
        ("connections.shop", "connections.NAME.", false),
        ("http", "http.", false),
        ("defaults", "cache.NAME.", true),
        ("defaults.limits", "cache.NAME.limits.", true),
        ("cache.airlines", "cache.NAME.", false),
        ("cache.airlines.grants", "cache.NAME.grants.", false),
        ("cache.airlines.limits", "cache.NAME.limits.", false),
    ] {
        // It stands in place of a plugin, and so in a cache of its own.
        let lines = lines(prefix, in_defaults);
        let lines: Vec<&str> = lines.lines().filter(|line| !line.starts_with("source = ")).collect();
        file += &format!("[{table}]\n{}\n", lines.join("\n"));
    }
    file + "[cache.published]\nsource = \"publish\"\n"
}

#[test]
fn every_key_that_the_reader_knows_is_in_the_table_and_the_other_way_round() {
    let (path, text) = (Path::new("kiwi.toml"), full_file());
    let document = Document::new(path, &text);
    let toml = document.parse().unwrap();
    let config = Config::read(path, Section::top(toml.as_table(), &document));
    document.finish(config).unwrap_or_else(|problems| panic!("the examples are not valid:\n{problems}\n\n{text}"));
    let mut documented: Vec<String> = keys::all().map(|key| key.path.to_owned()).collect();
    let in_defaults = keys::all().filter(|key| key.in_defaults);
    documented.extend(in_defaults.map(|key| key.path.replace("cache.NAME", "defaults")));
    documented.sort();
    assert_eq!(document.asked(), documented, "left: keys of the reader; right: config/keys");
}

#[test]
fn the_configuration_page_is_up_to_date() {
    let page = page();
    if std::env::var_os("KIWI_UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &page).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md differs from config/keys: update it with \
         `KIWI_UPDATE_DOCS=1 cargo test -p kiwi-host-cli configuration_page`"
    );
}
