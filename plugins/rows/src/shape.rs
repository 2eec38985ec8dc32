//! How rows are laid out in a text, and what becomes of them: the settings that `file` and `http` share.

use kiwi_loader::{Error, SettingValue, Settings};

use crate::pointer::Pointer;
use crate::row::Fields;

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document.
    Json,
    /// JSON objects, one on each line.
    Ndjson,
    /// Comma-separated values, with a header.
    Csv,
}

impl Format {
    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Csv => "CSV",
        }
    }

    /// Whether a text that begins like this can have this format: a page of HTML cannot.
    pub fn fits(self, beginning: &[u8]) -> bool {
        let text = beginning.strip_prefix("\u{feff}".as_bytes()).unwrap_or(beginning);
        let first = text.trim_ascii_start().first();
        match self {
            Self::Json => matches!(first, Some(b'{' | b'[')),
            Self::Ndjson => matches!(first, None | Some(b'{')),
            Self::Csv => first != Some(&b'<'),
        }
    }
}

/// The settings that give the [`Shape`] of a text, `format` aside.
#[derive(Clone, Debug, Settings)]
#[serde(default)]
pub struct ShapeSettings {
    /// The field, or CSV column, whose value is the key; not set: the rows are one JSON object, and its names are the
    /// keys.
    pub key: Option<String>,
    /// Where in a JSON document the rows are, as a JSON pointer, such as `/data/rows`; not set: the document is the
    /// rows.
    pub pointer: Option<String>,
    /// The fields to keep of each row; not set: all.
    pub columns: Option<Vec<String>>,
    /// The character between two CSV columns.
    pub delimiter: char,
}

const DEFAULT_DELIMITER: char = ',';

impl Default for ShapeSettings {
    fn default() -> Self {
        Self { key: None, pointer: None, columns: None, delimiter: DEFAULT_DELIMITER }
    }
}

/// How rows are laid out in a text.
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
        /// The byte between two columns.
        delimiter: u8,
    },
}

impl Shape {
    /// The shape that the settings describe. Settings that contradict each other are an error.
    pub fn new(format: Format, settings: ShapeSettings) -> Result<Self, Error> {
        let ShapeSettings { key, pointer, columns, delimiter } = settings;
        if pointer.is_some() && format != Format::Json {
            return Err(Error::invalid_settings("`pointer` is only for the format `json`: remove it"));
        }
        if delimiter != DEFAULT_DELIMITER && format != Format::Csv {
            return Err(Error::invalid_settings("`delimiter` is only for the format `csv`: remove it"));
        }
        let pointer = pointer.unwrap_or_default().parse()?;
        match (format, key) {
            (Format::Json, None) => Ok(Self::Object { pointer, columns }),
            (Format::Json, Some(key)) => Ok(Self::Array { pointer, fields: Fields { key, columns } }),
            (Format::Ndjson, Some(key)) => Ok(Self::Lines { fields: Fields { key, columns } }),
            (Format::Csv, Some(key)) => match u8::try_from(delimiter) {
                Ok(delimiter) if delimiter.is_ascii() => Ok(Self::Table { fields: Fields { key, columns }, delimiter }),
                _ => Err(Error::invalid_settings(format_args!(
                    "`delimiter`: `{delimiter}` is not ASCII (expected e.g. `;`)"
                ))),
            },
            (Format::Ndjson | Format::Csv, None) => {
                Err(Error::invalid_settings("`key` is missing: say which field of a row is its key"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::{DescribeSettings, Setting};

    use super::*;

    #[test]
    fn the_operator_sees_the_shared_settings() {
        let expected = [
            Setting::text(
                "key",
                "The field, or CSV column, whose value is the key; not set: the rows are one JSON object, and its \
                 names are the keys.",
            ),
            Setting::text(
                "pointer",
                "Where in a JSON document the rows are, as a JSON pointer, such as `/data/rows`; not set: the document \
                 is the rows.",
            ),
            Setting::array("columns", "The fields to keep of each row; not set: all."),
            Setting::text("delimiter", "The character between two CSV columns.").default_value(','),
        ];
        assert_eq!(ShapeSettings::settings(), expected);
    }

    #[test]
    fn a_page_of_html_has_none_of_the_formats() {
        for format in [Format::Json, Format::Ndjson, Format::Csv] {
            assert!(!format.fits(b"\r\n<!DOCTYPE html>"), "{format:?}");
        }
        assert!(Format::Json.fits("\u{feff} [1]".as_bytes()) && Format::Json.fits(b"{") && !Format::Json.fits(b""));
        assert!(Format::Ndjson.fits(b"\n{\"a\": 1}") && Format::Ndjson.fits(b"") && !Format::Ndjson.fits(b"down"));
        assert!(Format::Csv.fits(b"iata,name") && Format::Csv.fits(b""));
    }

    fn refusal(format: Format, settings: ShapeSettings) -> String {
        let error = Shape::new(format, settings).unwrap_err();
        assert!(error.is_invalid_settings(), "{error:?}");
        error.to_string()
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let none = ShapeSettings::default;
        let key = || ShapeSettings { key: Some("a".into()), ..none() };
        assert!(refusal(Format::Csv, none()).starts_with("`key` is missing"));
        assert!(refusal(Format::Ndjson, none()).starts_with("`key` is missing"));
        let pointer = ShapeSettings { pointer: Some("/x".into()), ..key() };
        assert!(refusal(Format::Csv, pointer).starts_with("`pointer` is only for"));
        let semicolon = ShapeSettings { delimiter: ';', ..key() };
        assert!(refusal(Format::Json, semicolon).starts_with("`delimiter` is only for"));
        let letter = ShapeSettings { delimiter: 'é', ..key() };
        assert_eq!(refusal(Format::Csv, letter), "`delimiter`: `é` is not ASCII (expected e.g. `;`)");
        let pointer = ShapeSettings { pointer: Some("x".into()), ..none() };
        assert!(refusal(Format::Json, pointer).starts_with("`pointer`: `x` does not begin"));
    }
}
