//! The key of a row: the value of a field, or of several.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::field::Field;
use crate::near;
use crate::object::Object;

/// Which fields of a row, or columns of a record, make up its key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The fields, in their order.
    pub fields: Vec<Field>,
    /// What stands between two of their values.
    pub separator: String,
}

/// A row has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey {
    /// Which of the fields of the key is the reason.
    pub field: usize,
    /// What is wrong with it.
    pub why: NoText,
}

/// Why a field is not a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoText {
    /// The row does not have it.
    Absent,
    /// It is null.
    Null,
    /// It is an empty text.
    Empty,
    /// The row has it twice.
    Twice,
    /// It is something else than a text or a number: what it is.
    Other(&'static str),
}

impl Key {
    /// The fields as somebody wrote them.
    #[must_use]
    pub fn new<S: AsRef<str>>(fields: impl IntoIterator<Item = S>, separator: impl Into<String>) -> Self {
        let fields = fields.into_iter().map(|field| Field::new(field.as_ref())).collect();
        Self { fields, separator: separator.into() }
    }

    /// Writes the key of a JSON object: the values of the fields, joined.
    ///
    /// # Errors
    /// One of the fields has none.
    pub fn of_object(&self, row: &Object<'_>, key: &mut String) -> Result<(), NoKey> {
        key.clear();
        for (index, field) in self.fields.iter().enumerate() {
            let part = part(row, field).map_err(|why| NoKey { field: index, why })?;
            self.add(index, &part, key);
        }
        Ok(())
    }

    /// Writes the key of a CSV record: the texts of its columns, joined.
    ///
    /// # Errors
    /// One of them is empty.
    pub fn of_texts<'t>(&self, texts: impl IntoIterator<Item = &'t str>, key: &mut String) -> Result<(), NoKey> {
        key.clear();
        for (index, text) in texts.into_iter().enumerate() {
            if text.is_empty() {
                return Err(NoKey { field: index, why: NoText::Empty });
            }
            self.add(index, text, key);
        }
        Ok(())
    }

    fn add(&self, index: usize, part: &str, key: &mut String) {
        if index > 0 {
            key.push_str(&self.separator);
        }
        key.push_str(part);
    }

    /// Says why a row has no key. `row` is there unless it is a CSV record.
    ///
    /// # Panics
    /// It is of another key with more fields.
    #[must_use]
    pub fn explain(&self, no_key: NoKey, row: Option<&Object<'_>>) -> String {
        let field = &self.fields[no_key.field];
        let name = &field.written;
        match no_key.why {
            NoText::Absent => {
                let alternatives = row.map_or_else(Vec::new, |row| field.alternatives(row));
                let hint = near::hint(name, alternatives.iter().map(String::as_str));
                format!("there is no field `{name}`, which is the key ({hint})")
            }
            NoText::Null => format!("the key `{name}` is null"),
            NoText::Empty => format!("the key `{name}` is empty"),
            NoText::Twice => format!("the row has the field `{}` twice, and it is part of the key", field.name),
            NoText::Other(what) => format!("the key `{name}` is {what}: expected a text or a number"),
        }
    }
}

impl NoKey {
    /// Whether the key is absent, null or empty. Otherwise there is something that cannot be a key.
    #[must_use]
    pub fn is_missing(self) -> bool {
        matches!(self.why, NoText::Absent | NoText::Null | NoText::Empty)
    }
}

fn part<'a>(row: &Object<'a>, field: &Field) -> Result<Cow<'a, str>, NoText> {
    if row.names().filter(|name| *name == field.name).nth(1).is_some() {
        return Err(NoText::Twice);
    }
    text(field.find(row).ok_or(NoText::Absent)?)
}

/// A JSON value as a part of a key: a text as it is, a number as its digits.
///
/// # Errors
/// It is empty, or something else.
pub fn text(value: &RawValue) -> Result<Cow<'_, str>, NoText> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') if json == "\"\"" => Err(NoText::Empty),
        Some(b'"') => match json.get(1..json.len() - 1).filter(|text| !text.contains('\\')) {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => match serde_json::from_str(json) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(_) => Err(NoText::Other("not a text that can be decoded")),
            },
        },
        Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(json)),
        Some(b'{') => Err(NoText::Other("an object")),
        Some(b'[') => Err(NoText::Other("an array")),
        Some(b'n') => Err(NoText::Null),
        _ => Err(NoText::Other("true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(row: &str, fields: &[&str]) -> Result<String, (bool, String)> {
        let (key, row, mut text) = (Key::new(fields, ":"), Object::parse(row).unwrap(), String::new());
        match key.of_object(&row, &mut text) {
            Ok(()) => Ok(text),
            Err(no_key) => Err((no_key.is_missing(), key.explain(no_key, Some(&row)))),
        }
    }

    #[test]
    fn a_key_is_a_text_or_the_digits_of_a_number() {
        assert_eq!(of(r#"{"id": "\u00e9\""}"#, &["id"]), Ok("é\"".into()));
        assert_eq!(
            of(r#"{"id": 1.10, "n": 1180591620717411303424}"#, &["id", "n"]),
            Ok("1.10:1180591620717411303424".into())
        );
        assert_eq!(of(r#"{"id": 7, "name": {"common": "Chad"}}"#, &["/name/common", "id"]), Ok("Chad:7".into()));
    }

    #[test]
    fn the_key_of_a_record_is_its_texts() {
        let (key, mut text) = (Key::new(["x", "y"], "-"), "before".to_owned());
        assert_eq!(key.of_texts(["a", "b"], &mut text), Ok(()));
        assert_eq!(text, "a-b");
        let no_key = key.of_texts(["a", ""], &mut text).unwrap_err();
        assert_eq!(key.explain(no_key, None), "the key `y` is empty");
        assert!(no_key.is_missing());
    }

    #[test]
    fn a_row_without_a_key_says_why() {
        for (row, fields, is_missing, why) in [
            (r#"{"idd": 1}"#, &["id"][..], true, "there is no field `id`, which is the key (did you mean `idd`?)"),
            (r#"{"id": ""}"#, &["id"], true, "the key `id` is empty"),
            (r#"{"id": 1, "x": null}"#, &["id", "x"], true, "the key `x` is null"),
            (r#"{"id": [1]}"#, &["id"], false, "the key `id` is an array: expected a text or a number"),
            (r#"{"id": {}}"#, &["/id"], false, "the key `/id` is an object: expected a text or a number"),
            (r#"{"id": true}"#, &["id"], false, "the key `id` is true or false: expected a text or a number"),
            (
                r#"{"id": "\ud800"}"#,
                &["id"],
                false,
                "the key `id` is not a text that can be decoded: expected a text or a number",
            ),
            (r#"{"id": 1, "id": 2}"#, &["/id"], false, "the row has the field `id` twice, and it is part of the key"),
        ] {
            assert_eq!(of(row, fields), Err((is_missing, why.to_owned())), "{row}");
        }
    }
}
