//! How rows are laid out in a text, and what becomes of them: the settings that `file` and `http` share.

use std::collections::BTreeMap;

use kiwi_loader::{Error, Settings};

use crate::column::ColumnType;
use crate::filter::Accepted;
use crate::format::Format;
use crate::key::{KeySetting, OnMissingKey};

/// The settings that `file` and `http` share, `format` aside.
#[derive(Clone, Debug, Settings)]
pub struct RowSettings {
    /// The field or CSV column whose value is the key, a JSON pointer into the row such as `/name/common`, or an array
    /// of several; not set: the rows are one JSON object, and its names are the keys.
    pub key: Option<KeySetting>,
    /// What stands between the values of a key of several fields.
    #[setting(default = ":")]
    pub key_separator: String,
    /// what to do with a row whose key is absent, null or empty.
    #[setting(default = "fail")]
    pub on_missing_key: OnMissingKey,
    /// Where in a JSON document the rows are, as a JSON pointer, such as `/data/rows`; not set: the document is the
    /// rows.
    pub pointer: Option<String>,
    /// The fields to keep of each row; not set: all.
    pub columns: Option<Vec<String>>,
    /// The CSV columns that are not texts: `{ elevation = "number", active = "boolean" }`.
    pub columns_as: Option<BTreeMap<String, ColumnType>>,
    /// The rows to keep, by the values of their fields: `{ active = true, country = ["FR", "DE"] }`; not set: all.
    pub filter: Option<BTreeMap<String, Accepted>>,
    /// The character between two CSV columns.
    #[setting(default = ",")]
    pub delimiter: char,
}

pub(crate) const DEFAULT_SEPARATOR: &str = ":";
const DEFAULT_DELIMITER: char = ',';

impl RowSettings {
    /// Refuses settings that contradict each other, or the format.
    pub fn check(&self, format: Format) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::invalid_settings(message));
        if self.pointer.is_some() && format != Format::Json {
            return refuse("`pointer` is only for the format `json`: remove it");
        }
        if self.delimiter != DEFAULT_DELIMITER && format != Format::Csv {
            return refuse("`delimiter` is only for the format `csv`: remove it");
        }
        if !self.delimiter.is_ascii() {
            let delimiter = self.delimiter;
            return refuse(&format!("`delimiter`: `{delimiter}` is not ASCII (expected e.g. `;`)"));
        }
        if self.columns_as.is_some() && format != Format::Csv {
            return refuse("`columns_as` is only for the format `csv`, as JSON says what is a number: remove it");
        }
        if self.key.is_none() && format != Format::Json {
            return refuse("`key` is missing: say which field of a row is its key");
        }
        if self.key.is_none() && self.on_missing_key == OnMissingKey::Skip {
            return refuse("`on_missing_key` is only for rows with a `key`: remove it, or set `key`");
        }
        if self.key_separator != DEFAULT_SEPARATOR && self.key.as_ref().is_none_or(|key| key.0.len() == 1) {
            return refuse("`key_separator` is only for a `key` of several fields: remove it");
        }
        self.check_columns()
    }

    fn check_columns(&self) -> Result<(), Error> {
        let Some(columns) = &self.columns else { return Ok(()) };
        if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
            return Err(Error::invalid_settings(format_args!("`columns` has `{}` twice: remove one", twice.1)));
        }
        match self.columns_as.iter().flatten().find(|(name, _)| !columns.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::invalid_settings(format_args!(
                "`columns_as` has `{name}`, which `columns` does not keep: add it there, or remove it here"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::testing::json;
    use kiwi_loader::{DescribeSettings, Setting};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_operator_sees_the_shared_settings() {
        let expected = [
            Setting::any(
                "key",
                "The field or CSV column whose value is the key, a JSON pointer into the row such as `/name/common`, or \
                 an array of several; not set: the rows are one JSON object, and its names are the keys.",
            ),
            Setting::text("key_separator", "What stands between the values of a key of several fields.")
                .default_value(":"),
            Setting::text(
                "on_missing_key",
                "`fail` or `skip`; what to do with a row whose key is absent, null or empty.",
            )
            .default_value("fail"),
            Setting::text(
                "pointer",
                "Where in a JSON document the rows are, as a JSON pointer, such as `/data/rows`; not set: the document \
                 is the rows.",
            ),
            Setting::array("columns", "The fields to keep of each row; not set: all."),
            Setting::table(
                "columns_as",
                "The CSV columns that are not texts: `{ elevation = \"number\", active = \"boolean\" }`.",
            ),
            Setting::table(
                "filter",
                "The rows to keep, by the values of their fields: `{ active = true, country = [\"FR\", \"DE\"] }`; not \
                 set: all.",
            ),
            Setting::text("delimiter", "The character between two CSV columns.").default_value(','),
        ];
        assert_eq!(RowSettings::settings(), expected);
    }

    fn refusal(format: Format, settings: Value) -> String {
        let settings: RowSettings = serde_json::from_value(settings).unwrap();
        let error = settings.check(format).unwrap_err();
        assert!(error.is_invalid_settings(), "{error:?}");
        error.to_string()
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(refusal(Format::Csv, json!({})).starts_with("`key` is missing"));
        assert!(refusal(Format::Ndjson, json!({})).starts_with("`key` is missing"));
        let starts = |format, settings, start: &str| {
            let refusal = refusal(format, settings);
            assert!(refusal.starts_with(start), "{refusal}");
        };
        starts(Format::Csv, json!({ "key": "a", "pointer": "/x" }), "`pointer` is only for");
        starts(Format::Json, json!({ "key": "a", "delimiter": ";" }), "`delimiter` is only for");
        starts(Format::Csv, json!({ "key": "a", "delimiter": "é" }), "`delimiter`: `é` is not ASCII (expected e.g.");
        starts(Format::Json, json!({ "key": "a", "columns_as": { "b": "number" } }), "`columns_as` is only for");
        starts(Format::Json, json!({ "on_missing_key": "skip" }), "`on_missing_key` is only for rows with a `key`");
        starts(Format::Csv, json!({ "key": ["a"], "key_separator": "-" }), "`key_separator` is only for");
        starts(Format::Csv, json!({ "key": "a", "columns": ["b", "c", "b"] }), "`columns` has `b` twice");
        let not_kept = json!({ "key": "a", "columns": ["a"], "columns_as": { "b": "number" } });
        starts(Format::Csv, not_kept, "`columns_as` has `b`, which `columns` does not keep");
    }

    #[test]
    fn what_is_no_value_of_a_setting_is_named() {
        let refusal = |settings: Value| serde_json::from_value::<RowSettings>(settings).unwrap_err().to_string();
        assert!(refusal(json!({ "key": 1 })).starts_with("`key`: invalid type: integer `1`, expected the name of a"));
        let expected = "`columns_as.a`: `date` is not valid: expected `number` or `boolean`";
        assert_eq!(refusal(json!({ "columns_as": { "a": "date" } })), expected);
        assert!(
            refusal(json!({ "filter": { "a": {} } })).starts_with("`filter.a`: invalid type: map, expected a text,")
        );
        assert!(refusal(json!({ "filter": { "a": [[]] } })).contains("`filter.a[0]`"));
    }
}
