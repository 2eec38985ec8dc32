//! Every key of kiwi.toml: what kind of value it takes, its default, and an example.
//!
//! The reader takes the words of its messages from here, and `docs/configuration.md` is written from it. A test reads
//! a file made of all examples, and fails if the reader asks for a key that the table lacks, or the other way round.

mod auth;
mod cache;
mod connections;
mod grants;
mod http;
mod key;
mod limits;
mod root;
mod secrets;
mod statsd;

pub(crate) use self::key::{Key, Kind};

/// The tables of kiwi.toml, in the order of the page.
static TABLES: [&[Key]; 9] = [
    root::KEYS,
    statsd::KEYS,
    http::KEYS,
    secrets::KEYS,
    auth::KEYS,
    connections::KEYS,
    cache::KEYS,
    grants::KEYS,
    limits::KEYS,
];

/// All keys, in the order of the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Key> {
    TABLES.into_iter().flatten()
}

/// The key at a path in which `NAME` stands for a cache's name; of `[defaults]` too.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    let in_cache = path.strip_prefix("defaults.").map(|rest| format!("cache.NAME.{rest}"));
    match in_cache {
        Some(path) => all().find(|key| key.path == path && key.in_defaults),
        None => all().find(|key| key.path == path),
    }
}

/// Whether kiwi.toml can grant this kind of access.
pub(crate) fn is_grant_kind(kind: &str) -> bool {
    find(&format!("cache.NAME.grants.{kind}")).is_some()
}

/// Where a key belongs that is in the wrong table.
pub(crate) fn elsewhere(place: &str, name: &str) -> Option<String> {
    // A plugin has settings of the same names as these tables have keys, and a cache may be meant to have them.
    let is_in_cache = place.starts_with("cache") || place.starts_with("defaults");
    let is_far = |key: &Key| is_in_cache && (key.path.starts_with("http.") || key.path.starts_with("auth."));
    let fits = |key: &&Key| key.path.rsplit('.').next() == Some(name) && !is_far(key);
    let (place, is_default) = match place.strip_prefix("defaults") {
        Some(rest) => (format!("cache.NAME{rest}"), true),
        None => (place.to_owned(), false),
    };
    let inside = all().filter(fits).filter(|key| key.in_defaults || !is_default);
    if let Some(inner) = inside.filter_map(|key| key.path.strip_prefix(&format!("{place}."))).next() {
        return Some(format!("did you mean `{inner}`?"));
    }
    // In a cache, `url` and its like are settings of a plugin.
    let may_be = |key: &&Key| !key.path.starts_with("connections.") || !place.starts_with("cache.");
    let key = all().filter(may_be).find(fits)?;
    Some(match key.path.rsplit_once('.') {
        None => "it belongs at the top of the file, above the first table".to_owned(),
        Some((table, _)) if table.ends_with(".NAME") => format!("it belongs in `[{table}]`"),
        Some((table, _)) => format!("it belongs in `{}`", table.rsplit('.').next().unwrap_or(table)),
    })
}
