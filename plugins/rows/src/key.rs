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

/// Why a row has no key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// A part of it is absent, null or empty.
    Missing(String),
    /// A part of it is something else than a text or a number.
    Invalid(String),
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
        key += &part(row, field)?;
    }
    Ok(key)
}

/// A text is used as it is, a number as its digits.
fn part(row: &Object<'_>, field: &Field) -> Result<String, NoKey> {
    let name = &field.written;
    let Some(value) = field.find(row) else {
        let alternatives = field.alternatives(row);
        let hint = near::hint(name, alternatives.iter().map(String::as_str));
        return Err(NoKey::Missing(format!("there is no field `{name}`, which is the key ({hint})")));
    };
    match value_of(value) {
        Some(text) if text.is_empty() => Err(empty(name)),
        Some(text) => Ok(text),
        None if value.get() == "null" => Err(NoKey::Missing(format!("the key `{name}` is null"))),
        None => {
            let shown = near::shown(value.get());
            Err(NoKey::Invalid(format!("the key `{name}` is {shown}: expected a text or a number")))
        }
    }
}

/// The key of a CSV record: the texts of these columns, joined.
pub(crate) fn of_record<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>, separator: &str) -> Result<String, NoKey> {
    let mut key = String::new();
    for (index, (column, text)) in parts.enumerate() {
        if text.is_empty() {
            return Err(empty(column));
        }
        if index > 0 {
            key += separator;
        }
        key += text;
    }
    Ok(key)
}

fn empty(name: &str) -> NoKey {
    NoKey::Missing(format!("the key `{name}` is empty"))
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

    fn of(row: &str, fields: &[&str]) -> Result<String, NoKey> {
        let fields: Vec<Field> = fields.iter().map(|field| Field::new(field)).collect();
        of_object(&Object::parse(row).unwrap(), &fields, ":")
    }

    fn missing(message: &str) -> Result<String, NoKey> {
        Err(NoKey::Missing(message.to_owned()))
    }

    #[test]
    fn a_key_is_a_text_or_the_digits_of_a_number() {
        assert_eq!(of(r#"{"id": "\u00e9"}"#, &["id"]), Ok("é".into()));
        assert_eq!(of(r#"{"id": 1.10}"#, &["id"]), Ok("1.10".into()));
        assert_eq!(of(r#"{"id": 7, "name": {"common": "Chad"}}"#, &["/name/common", "id"]), Ok("Chad:7".into()));
    }

    #[test]
    fn a_row_without_a_key_says_why() {
        assert_eq!(
            of(r#"{"idd": 1}"#, &["id"]),
            missing("there is no field `id`, which is the key (did you mean `idd`?)")
        );
        assert_eq!(of(r#"{"id": ""}"#, &["id"]), missing("the key `id` is empty"));
        assert_eq!(of(r#"{"id": 1, "x": null}"#, &["id", "x"]), missing("the key `x` is null"));
        let invalid = NoKey::Invalid("the key `id` is [1]: expected a text or a number".into());
        assert_eq!(of(r#"{"id": [1]}"#, &["id"]), Err(invalid));
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
