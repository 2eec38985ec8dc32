//! One row: its key and its value, taken from the text of a JSON object. Numbers keep the digits that they are written
//! with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::key::{Field, Keys, MAX_FIELDS};
use super::problem::of_json;

/// How many names of a row a message has.
const MAX_NAMES: usize = 10;

/// Takes the entry out of each row.
pub(super) struct Rows {
    keys: Keys,
    /// The key of the last row.
    key: String,
}

/// What is wrong with a row.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It ends in the middle.
    CutOff,
    /// It is not an object with a key and a value.
    NoPair(String),
    Other(String),
}

/// A row that says itself which of it is the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair<'a> {
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(borrow)]
    value: &'a RawValue,
}

impl Rows {
    pub(super) fn new(keys: Keys) -> Self {
        Self { keys, key: String::new() }
    }

    /// The key and the value of a row. With `--key` the value is the row itself.
    pub(super) fn entry<'r>(&'r mut self, row: &'r str) -> Result<(&'r str, &'r str), Wrong> {
        if self.keys.fields.is_empty() {
            // serde takes an array for a structure as well.
            if !row.starts_with('{') {
                return Err(Wrong::NoPair("the row is not a JSON object".to_owned()));
            }
            let Pair { key, value } = serde_json::from_str(row).map_err(|error| match error.classify() {
                Category::Data => Wrong::NoPair(of_json(&error)),
                _ => Wrong::of(&error),
            })?;
            self.key.clear();
            self.key += &text(key).map_err(|what| Wrong::no_key("key", what))?;
            if self.key.is_empty() {
                return Err(Wrong::Other("the key is empty: expected at least one character".to_owned()));
            }
            return Ok((&self.key, value.get()));
        }
        let values = find(row, &self.keys.fields).map_err(|error| Wrong::of(&error))?;
        self.key.clear();
        for (field, value) in self.keys.fields.iter().zip(values) {
            self.keys.add(&mut self.key, field, &of_field(field, value, row)?).map_err(Wrong::Other)?;
        }
        Ok((&self.key, row))
    }
}

impl Wrong {
    fn of(error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Eof => Self::CutOff,
            Category::Data => Self::Other(of_json(error)),
            _ => Self::Other(format!("not valid JSON: {} (column {})", of_json(error), error.column())),
        }
    }

    fn no_key(name: &str, what: &str) -> Self {
        Self::Other(format!("the key `{name}` is {what}: expected a text or a number"))
    }
}

/// The value of one field of the key, as text.
fn of_field<'r>(field: &Field, value: Option<&'r RawValue>, row: &str) -> Result<Cow<'r, str>, Wrong> {
    let steps = field.path.iter().skip(1);
    let found = steps.fold(value, |value, step| inside(value?, step));
    let found = found.ok_or_else(|| {
        Wrong::Other(format!("there is no field `{}` (`--key`); the row has {}", field.written, names(row)))
    })?;
    text(found).map_err(|what| Wrong::no_key(&field.written, what))
}

/// Some names of a row, for people.
fn names(row: &str) -> String {
    let members: BTreeMap<String, IgnoredAny> = serde_json::from_str(row).unwrap_or_default();
    let names: Vec<&str> = members.keys().take(MAX_NAMES).map(String::as_str).collect();
    let more = if members.len() > MAX_NAMES { ", ..." } else { "" };
    if names.is_empty() { "no fields".to_owned() } else { format!("`{}`{more}", names.join("`, `")) }
}

/// A text is used as it is, a number as its digits. Otherwise, what it is.
fn text(value: &RawValue) -> Result<Cow<'_, str>, &'static str> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => match json.get(1..json.len() - 1).filter(|text| !text.contains('\\')) {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => serde_json::from_str(json).map(Cow::Owned).map_err(|_| "not a text that can be decoded"),
        },
        Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(json)),
        Some(b'{') => Err("an object"),
        Some(b'[') => Err("an array"),
        Some(b'n') => Err("null"),
        _ => Err("true or false"),
    }
}

/// A member of an object, or an element of an array.
fn inside<'r>(value: &'r RawValue, step: &str) -> Option<&'r RawValue> {
    match value.get().as_bytes().first()? {
        b'{' => {
            let field = Field { written: String::new(), path: vec![step.to_owned()] };
            find(value.get(), &[field]).ok()?.into_iter().next().flatten()
        }
        b'[' => {
            let index = step.parse::<usize>().ok().filter(|index| index.to_string() == step)?;
            serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(index).copied()
        }
        _ => None,
    }
}

/// For each of the fields, the member in which it begins.
type Found<'r> = [Option<&'r RawValue>; MAX_FIELDS];

/// Finds the members of an object. The whole object is read, because it may be invalid further on.
fn find<'r>(row: &'r str, fields: &[Field]) -> serde_json::Result<Found<'r>> {
    let mut json = serde_json::Deserializer::from_str(row);
    let found = json.deserialize_map(Members(fields))?;
    json.end()?;
    Ok(found)
}

struct Members<'f>(&'f [Field]);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row that is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(fields) = self;
        let mut found = Found::default();
        while let Some(wanted) = map.next_key_seed(Wanted(fields))? {
            let Some(first) = wanted else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let (value, name) = (map.next_value::<&RawValue>()?, &fields[first].path[0]);
            if found[first].is_some() {
                return Err(A::Error::custom(format_args!("the row has the field `{name}` twice")));
            }
            let same = fields.iter().zip(&mut found).filter(|(field, _)| field.path[0] == *name);
            same.for_each(|(_, found)| *found = Some(value));
        }
        Ok(found)
    }
}

/// Reads a name: the first of the fields that begins with it.
struct Wanted<'f>(&'f [Field]);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Self::Value, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Wanted<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|field| field.path[0] == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(row: &str, keys: &[&str]) -> Result<(String, String), String> {
        let keys = Keys::new(keys.iter().map(ToString::to_string).collect(), "-".to_owned()).unwrap();
        match Rows::new(keys).entry(row) {
            Ok((key, value)) => Ok((key.to_owned(), value.to_owned())),
            Err(Wrong::CutOff) => Err("cut off".to_owned()),
            Err(Wrong::NoPair(why) | Wrong::Other(why)) => Err(why),
        }
    }

    #[test]
    fn the_key_is_a_field_or_several_or_what_a_pointer_leads_to() {
        let row = r#"{ "id": "\u00e9", "n": 1.10, "o": {"a/b": [{}, "x"], "c": "y"}, "big": 1180591620717411303424 }"#;
        let key = |keys: &[&str]| entry(row, keys).map(|(key, value)| (key, value == row));
        let found = |key: &str| Ok((key.to_owned(), true));
        assert_eq!(key(&["id"]), found("é"));
        assert_eq!(key(&["n", "id", "big"]), found("1.10-é-1180591620717411303424"));
        assert_eq!(key(&["/o/a~1b/1", "/o/c"]), found("x-y"));
        assert_eq!(key(&["/id"]), found("é"));
        for missing in ["x", "/o/x", "/o/a~1b/01", "/o/a~1b/2", "/id/0", "o/c"] {
            let message = format!("there is no field `{missing}` (`--key`); the row has `big`, `id`, `n`, `o`");
            assert_eq!(key(&[missing]), Err(message));
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        assert_eq!(entry(r#"{"id": null}"#, &["id"]).unwrap_err(), "the key `id` is null: expected a text or a number");
        assert!(entry(r#"{"id": [1]}"#, &["id"]).unwrap_err().starts_with("the key `id` is an array"));
        assert!(entry(r#"{"id": "", "n": 1}"#, &["n", "id"]).unwrap_err().starts_with("the key `id` is empty"));
        assert!(entry(r#"{"id": 1, "id": 2}"#, &["id"]).unwrap_err().contains("the field `id` twice"));
        assert!(entry(r#"{"id": "\ud800"}"#, &["id"]).unwrap_err().contains("not a text that can be decoded"));
        assert!(entry(r#"{"key": "", "value": 1}"#, &[]).unwrap_err().starts_with("the key is empty"));
        assert!(entry(r#"{"key": true, "value": 1}"#, &[]).unwrap_err().starts_with("the key `key` is true or false"));
        assert!(entry("[1]", &["id"]).unwrap_err().contains("expected a row that is a JSON object"));
    }

    #[test]
    fn a_row_is_read_to_its_end() {
        assert_eq!(entry(r#"{"id": 1, "n": "#, &["id"]).unwrap_err(), "cut off");
        assert!(entry(r#"{"id": 1, "n": nul}"#, &["id"]).unwrap_err().starts_with("not valid JSON: "));
        assert!(entry(r#"{"id": 1} {"#, &["id"]).unwrap_err().contains("trailing characters"));
    }
}
