//! How rows lie in a text, and what becomes of them: the settings that `file` and `http` share.

use kiwi_loader::{Description, Error, Setting};
use serde::Deserialize;

use crate::pointer::Pointer;
use crate::row::Fields;

/// The format of a text.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document.
    Json,
    /// JSON objects, one on each line.
    Ndjson,
    /// Comma-separated values, with a header.
    Csv,
}

/// How rows lie in a text.
#[derive(Debug)]
pub enum Shape {
    /// A JSON object: its names are the keys.
    Object {
        /// Where in the document.
        pointer: Pointer,
        /// The fields to take of each value, if not all.
        columns: Option<Vec<String>>,
    },
    /// A JSON array of objects, the key being one of their fields.
    Array {
        /// Where in the document.
        pointer: Pointer,
        /// The key, and what else to take.
        fields: Fields,
    },
    /// A JSON object on each line.
    Lines {
        /// The key, and what else to take.
        fields: Fields,
    },
    /// CSV with a header.
    Table {
        /// The key, and what else to take.
        fields: Fields,
        /// What stands between two columns.
        delimiter: u8,
    },
}

impl Shape {
    /// What the settings say, where they agree with each other.
    pub fn new(
        format: Format,
        key: Option<String>,
        pointer: Option<&str>,
        columns: Option<Vec<String>>,
        delimiter: Option<char>,
    ) -> Result<Self, Error> {
        if pointer.is_some() && format != Format::Json {
            return Err(Error::invalid_settings("`pointer` is for the format `json` alone"));
        }
        if delimiter.is_some() && format != Format::Csv {
            return Err(Error::invalid_settings("`delimiter` is for the format `csv` alone"));
        }
        let pointer = pointer.unwrap_or_default().parse()?;
        match (format, key) {
            (Format::Json, None) => Ok(Self::Object { pointer, columns }),
            (Format::Json, Some(key)) => Ok(Self::Array { pointer, fields: Fields { key, columns } }),
            (Format::Ndjson, Some(key)) => Ok(Self::Lines { fields: Fields { key, columns } }),
            (Format::Csv, Some(key)) => {
                let delimiter = u8::try_from(delimiter.unwrap_or(',')).ok().filter(u8::is_ascii);
                let delimiter = delimiter.ok_or_else(|| Error::invalid_settings("`delimiter` is not ASCII"))?;
                Ok(Self::Table { fields: Fields { key, columns }, delimiter })
            }
            (Format::Ndjson | Format::Csv, None) => {
                Err(Error::invalid_settings("`key` is missing: say which field of a row is its key"))
            }
        }
    }

    /// Adds the settings that make a shape, `format` aside.
    pub fn describe(description: Description) -> Description {
        description
            .setting(Setting::text("key", "The field, or CSV column, whose value is the key; not set: the rows are one JSON object, and its names are the keys."))
            .setting(Setting::text("pointer", "Where in a JSON document the rows are, as a JSON pointer, such as `/data/rows`; not set: the document is the rows."))
            .setting(Setting::array("columns", "The fields to keep of each row; not set: all."))
            .setting(Setting::text("delimiter", "The character between two CSV columns.").default_value(','))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(format: Format, key: Option<&str>, pointer: Option<&str>, delimiter: Option<char>) -> String {
        let error = Shape::new(format, key.map(Into::into), pointer, None, delimiter).unwrap_err();
        assert!(error.is_invalid_settings(), "{error:?}");
        error.to_string()
    }

    #[test]
    fn settings_that_do_not_agree_are_refused() {
        assert!(refusal(Format::Csv, None, None, None).starts_with("`key` is missing"));
        assert!(refusal(Format::Ndjson, None, None, None).starts_with("`key` is missing"));
        assert!(refusal(Format::Csv, Some("a"), Some("/x"), None).starts_with("`pointer` is for"));
        assert!(refusal(Format::Json, Some("a"), None, Some(';')).starts_with("`delimiter` is for"));
        assert_eq!(refusal(Format::Csv, Some("a"), None, Some('é')), "`delimiter` is not ASCII");
        assert!(refusal(Format::Json, None, Some("x"), None).starts_with("`pointer`: `x` does not begin"));
    }
}
