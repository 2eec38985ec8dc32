//! The key of a row.

use std::fmt;

use kiwi_loader::{SettingKind, SettingValue};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::field::Field;
use crate::near;
use crate::row::Object;

/// The setting `key`: the field whose value is the key, or several. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub(crate) Vec<String>);

/// What to do with a row that has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
pub enum OnMissingKey {
    /// The load fails.
    Fail,
    /// The row is left out.
    Skip,
}

/// A row has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKey {
    /// Which of the fields of the key is not one.
    pub(crate) field: usize,
    /// It is absent, null or empty. Otherwise it is something else than a text or a number.
    pub(crate) is_missing: bool,
}

impl SettingValue for Key {
    const KIND: SettingKind = SettingKind::Any;
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field, or an array of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                Ok(Key(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Key, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = names.next_element()? {
                    fields.push(name);
                }
                if fields.is_empty() { Err(Error::invalid_length(0, &self)) } else { Ok(Key(fields)) }
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

/// The key of a JSON object: the values of these fields, joined.
pub(crate) fn of_object(row: &Object<'_>, fields: &[Field], separator: &str) -> Result<String, NoKey> {
    let mut key = String::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            key += separator;
        }
        key += &part(row, field).map_err(|is_missing| NoKey { field: index, is_missing })?;
    }
    Ok(key)
}

/// A text is used as it is, a number as its digits. The error is whether there is none.
fn part(row: &Object<'_>, field: &Field) -> Result<String, bool> {
    let value = field.find(row).filter(|value| value.get() != "null").ok_or(true)?;
    let text = value_of(value).ok_or(false)?;
    if text.is_empty() { Err(true) } else { Ok(text) }
}

/// Why this field of a row is not a key.
pub(crate) fn why(row: &Object<'_>, field: &Field) -> String {
    let name = &field.written;
    match field.find(row).map(RawValue::get) {
        None => {
            let alternatives = field.alternatives(row);
            let hint = near::hint(name, alternatives.iter().map(String::as_str));
            format!("there is no field `{name}`, which is the key ({hint})")
        }
        Some("null") => format!("the key `{name}` is null"),
        Some("\"\"") => why_empty(name),
        Some(other) => format!("the key `{name}` is {}: expected a text or a number", near::shown(other)),
    }
}

/// The key of a CSV record: these texts, joined.
pub(crate) fn of_record<'a>(parts: impl Iterator<Item = &'a str>, separator: &str) -> Result<String, NoKey> {
    let mut key = String::new();
    for (field, text) in parts.enumerate() {
        if text.is_empty() {
            return Err(NoKey { field, is_missing: true });
        }
        if field > 0 {
            key += separator;
        }
        key += text;
    }
    Ok(key)
}

/// Why this field or column is not a key.
pub(crate) fn why_empty(name: &str) -> String {
    format!("the key `{name}` is empty")
}

fn value_of(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(row: &str, fields: &[&str]) -> Result<String, (bool, String)> {
        let fields: Vec<Field> = fields.iter().map(|field| Field::new(field)).collect();
        let row = Object::parse(row).unwrap();
        of_object(&row, &fields, ":").map_err(|no_key| (no_key.is_missing, why(&row, &fields[no_key.field])))
    }

    fn missing(why: &str) -> Result<String, (bool, String)> {
        Err((true, why.to_owned()))
    }

    #[test]
    fn a_key_is_a_text_or_the_digits_of_a_number() {
        assert_eq!(of(r#"{"id": "\u00e9"}"#, &["id"]), Ok("é".into()));
        assert_eq!(of(r#"{"id": 1.10}"#, &["id"]), Ok("1.10".into()));
        assert_eq!(of(r#"{"id": 7, "name": {"common": "Chad"}}"#, &["/name/common", "id"]), Ok("Chad:7".into()));
        assert_eq!(of_record(["a", "b"].into_iter(), "-"), Ok("a-b".into()));
    }

    #[test]
    fn a_row_without_a_key_says_why() {
        assert_eq!(
            of(r#"{"idd": 1}"#, &["id"]),
            missing("there is no field `id`, which is the key (did you mean `idd`?)")
        );
        assert_eq!(of(r#"{"id": ""}"#, &["id"]), missing("the key `id` is empty"));
        assert_eq!(of(r#"{"id": 1, "x": null}"#, &["id", "x"]), missing("the key `x` is null"));
        let invalid = "the key `id` is [1]: expected a text or a number".to_owned();
        assert_eq!(of(r#"{"id": [1]}"#, &["id"]), Err((false, invalid)));
        assert_eq!(of_record(["a", ""].into_iter(), "-"), Err(NoKey { field: 1, is_missing: true }));
    }

    #[test]
    fn the_setting_is_a_name_or_an_array_of_names() {
        let read = serde_json::from_str::<Key>;
        assert_eq!(read(r#""id""#).unwrap(), Key(vec!["id".into()]));
        assert_eq!(read(r#"["a", "/b/c"]"#).unwrap(), Key(vec!["a".into(), "/b/c".into()]));
        for invalid in ["1", "[]", "[1]", "{}", "null"] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
    }
}
