//! Does what its settings say: returns `entries`, fails with `fail = { kind, message }`, sets `mark`. With
//! `unchanged = true` it reports `unchanged` if a mark is published; with `show_mark = true` the entry `published` is the
//! published mark.

use std::collections::BTreeMap;

use kiwi_loader::{Error, Load, mark};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Settings {
    entries: BTreeMap<String, Value>,
    fail: Option<Failure>,
    mark: Option<String>,
    unchanged: bool,
    show_mark: bool,
}

#[derive(Deserialize)]
struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Unavailable,
    InvalidSettings,
    Denied,
    Other,
}

fn load_from_source(settings: Settings) -> Result<Load<BTreeMap<String, Value>>, Error> {
    let published = mark::published();
    if let Some(mark) = &settings.mark {
        mark::set(mark);
    }
    if let Some(Failure { kind, message }) = settings.fail {
        return Err(match kind {
            Kind::Unavailable => Error::unavailable(message),
            Kind::InvalidSettings => Error::invalid_settings(message),
            Kind::Denied => Error::denied(message),
            Kind::Other => Error::other(message),
        });
    }
    if settings.unchanged && published.is_some() {
        return Ok(Load::Unchanged);
    }
    let mut entries = settings.entries;
    if settings.show_mark {
        entries.insert("published".into(), published.into());
    }
    Ok(Load::Entries(entries))
}

kiwi_loader::loader!(load_from_source);
