//! One row: its key and its value, taken from the text of a JSON object.

use kiwi_rows::{Key, NoText, Object, text};
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::problem::of_json;

/// Takes the entry out of each row.
pub(super) struct Rows {
    key: Key,
    /// The key of the last row.
    text: String,
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
    pub(super) fn new(key: Key) -> Self {
        Self { key, text: String::new() }
    }

    /// The key and the value of a row. With `--key` the value is the row itself.
    pub(super) fn entry<'r>(&'r mut self, row: &'r str) -> Result<(&'r str, &'r str), Wrong> {
        if self.key.fields.is_empty() {
            return self.pair(row);
        }
        let object = Object::parse(row).map_err(|error| Wrong::of(&error))?;
        self.key.of_object(&object, &mut self.text).map_err(|no_key| {
            let why = self.key.explain(no_key, Some(&object));
            Wrong::Other(if no_key.is_missing() { format!("{why}: correct the rows or `--key`") } else { why })
        })?;
        Ok((&self.text, row))
    }

    fn pair<'r>(&'r mut self, row: &'r str) -> Result<(&'r str, &'r str), Wrong> {
        // serde takes an array for a structure as well.
        if !row.starts_with('{') {
            return Err(Wrong::NoPair("the row is not a JSON object".to_owned()));
        }
        let Pair { key, value } = serde_json::from_str(row).map_err(|error| match error.classify() {
            Category::Data => Wrong::NoPair(of_json(&error)),
            _ => Wrong::of(&error),
        })?;
        let key = text(key).map_err(|no_text| {
            Wrong::Other(match no_text {
                NoText::Empty => "the key is empty: expected at least one character".to_owned(),
                NoText::Other(what) => format!("the key `key` is {what}: expected a text or a number"),
                _ => "the key `key` is null: expected a text or a number".to_owned(),
            })
        })?;
        self.text.clear();
        self.text += &key;
        Ok((&self.text, value.get()))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(row: &str, keys: &[&str]) -> Result<(String, String), String> {
        let key = Key::new(keys, "-");
        match Rows::new(key).entry(row) {
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
            let why = key(&[missing]).unwrap_err();
            assert!(why.starts_with(&format!("there is no field `{missing}`, which is the key (")), "{why}");
            assert!(why.ends_with("): correct the rows or `--key`"), "{why}");
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        assert_eq!(entry(r#"{"id": null}"#, &["id"]).unwrap_err(), "the key `id` is null: correct the rows or `--key`");
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
