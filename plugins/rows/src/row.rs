//! One row: its key and its value, taken from the text of a JSON object.

use std::borrow::Cow;
use std::fmt;

use kiwi_loader::{Error, Json};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Which fields of a row become its key and its value.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The field whose value is the key.
    pub key: String,
    /// The fields that make up the value; `None` is all of them.
    pub columns: Option<Vec<String>>,
}

impl Fields {
    /// The entry of a row, whose value is the row's text unchanged, or only its columns. `place` says where the row is.
    pub(crate) fn entry(&self, row: String, place: impl fmt::Display) -> Result<(String, Json), Error> {
        let object = Object::parse(&row, &place)?;
        let key = match object.get(&self.key) {
            None => return Err(Error::other(format_args!("{place} has no field `{}`, which is the key", self.key))),
            Some(value) => key(value).ok_or_else(|| {
                Error::other(format_args!("{place}: the key `{}` is {}, not a text or a number", self.key, value.get()))
            })?,
        };
        if key.is_empty() {
            return Err(Error::other(format_args!("{place}: the key `{}` is empty", self.key)));
        }
        let value = match &self.columns {
            None => row,
            Some(columns) => object.pick(columns),
        };
        Ok((key, Json(value)))
    }
}

/// Only these columns of a JSON object, as a JSON object. A column that it does not have is left out.
pub(crate) fn pick(row: &str, columns: &[String], place: impl fmt::Display) -> Result<String, Error> {
    Ok(Object::parse(row, &place)?.pick(columns))
}

/// A text is used as it is, a number as its digits.
fn key(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

/// The members of a JSON object, their values as they are written.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    fn parse(row: &'a str, place: impl fmt::Display) -> Result<Self, Error> {
        serde_json::from_str(row).map_err(|error| Error::other(format_args!("{place}: {error}")))
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    fn pick(&self, columns: &[String]) -> String {
        let mut json = String::from("{");
        for column in columns {
            if let Some(value) = self.get(column) {
                if json.len() > 1 {
                    json.push(',');
                }
                json += &label(column);
                json += value.get();
            }
        }
        json + "}"
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row that is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Object(members))
    }
}

/// A name, borrowed where it has no escapes. (`Cow` alone is always owned.)
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The start of a member: its name as JSON text, and the colon.
pub(crate) fn label(name: &str) -> String {
    serde_json::Value::from(name).to_string() + ":"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(row: &str, columns: Option<&[&str]>) -> Result<(String, String), String> {
        let columns = columns.map(|columns| columns.iter().map(ToString::to_string).collect());
        let fields = Fields { key: "id".into(), columns };
        let entry = fields.entry(row.into(), "row 7");
        entry.map(|(key, Json(value))| (key, value)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_row_is_kept_as_it_is_written() {
        let row = r#"{ "id": "\u00e9", "n": 1.10, "big": 1180591620717411303424, "o": {"a" : [1e400]} }"#;
        assert_eq!(entry(row, None), Ok(("é".into(), row.into())));
        assert_eq!(entry(r#"{"id": 1.10}"#, None).unwrap().0, "1.10");
    }

    #[test]
    fn columns_are_picked_in_their_order_and_keep_their_digits() {
        let row = r#"{"id": 7, "n": 1.10, "x\u0020y": "a\"b", "z": null}"#;
        let picked = entry(row, Some(&["x y", "n", "absent"])).unwrap();
        assert_eq!(picked, ("7".into(), r#"{"x y":"a\"b","n":1.10}"#.into()));
        assert_eq!(entry(row, Some(&[])).unwrap().1, "{}");
    }

    #[test]
    fn the_error_for_a_row_without_a_key_names_its_place() {
        assert_eq!(entry(r#"{"n": 1}"#, None).unwrap_err(), "row 7 has no field `id`, which is the key");
        assert_eq!(entry(r#"{"id": ""}"#, None).unwrap_err(), "row 7: the key `id` is empty");
        assert_eq!(entry(r#"{"id": null}"#, None).unwrap_err(), "row 7: the key `id` is null, not a text or a number");
        assert!(entry("[1]", None).unwrap_err().starts_with("row 7: invalid type: sequence, expected a row that is"));
    }
}
