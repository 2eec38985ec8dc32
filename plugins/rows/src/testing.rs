//! What the tests of this crate share.

use kiwi_loader::{Error, Json};
use serde_json::Value;

use crate::{Entries, Format, RowSettings, Text};

/// Settings as an operator writes them.
pub(crate) fn settings(settings: Value) -> RowSettings {
    serde_json::from_value(settings).unwrap()
}

pub(crate) fn read_bytes(texts: &[(&str, Format, &'static [u8])], given: Value) -> Result<Entries, Error> {
    let texts: Vec<Text> = texts
        .iter()
        .map(|(name, format, body)| Text { name: (*name).into(), format: *format, body: Box::new(*body) })
        .collect();
    let mut texts = texts.into_iter();
    crate::entries(settings(given), move |_| Ok(texts.next()))
}

/// The keys and values of some texts, each with its name.
pub(crate) fn read(texts: &[(&str, Format, &'static str)], settings: Value) -> Result<Vec<(String, String)>, Error> {
    let texts: Vec<_> = texts.iter().map(|(name, format, text)| (*name, *format, text.as_bytes())).collect();
    read_bytes(&texts, settings)?.map(|entry| entry.map(|(key, Json(value))| (key, value))).collect()
}

pub(crate) fn owned(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}
