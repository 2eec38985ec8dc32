//! CSV with a header: each record becomes a JSON object.

use std::io::BufRead;

use kiwi_loader::{Error, Json};
use kiwi_rows::csv::{self, Header, Record};
use kiwi_rows::{label, near};

use crate::column::ColumnType;
use crate::entries::{Next, Rows};
use crate::failed::{failed, failed_in_line};
use crate::filter::Accepted;
use crate::selection::Selection;

/// The records of a text.
pub(crate) struct Records<R> {
    records: csv::Records<R>,
    record: Record,
    table: Table,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn open(text: R, selection: &Selection) -> Result<Self, Error> {
        // It is ASCII: the settings were checked.
        let delimiter = u8::try_from(selection.settings.delimiter).map_err(Error::invalid_settings)?;
        let (mut records, mut record) = (csv::Records::new(text, delimiter, usize::MAX), Record::default());
        let table = Table::new(&records.header(&mut record).map_err(failed)?, selection)?;
        Ok(Self { records, record, table })
    }
}

impl<R: BufRead> Rows for Records<R> {
    fn next(&mut self, selection: &mut Selection) -> Result<Next, Error> {
        if self.records.next(&mut self.record).map_err(failed_in_line)? {
            self.table.entry(&self.record, selection).map(Next::Row)
        } else {
            Ok(Next::End)
        }
    }
}

/// Which columns make up an entry.
struct Table {
    /// Where the fields of the key are.
    key: Vec<usize>,
    kept: Vec<Kept>,
    filter: Vec<(usize, Accepted)>,
}

/// A column of the value.
struct Kept {
    name: String,
    index: usize,
    /// The start of its member.
    label: String,
    r#type: Option<ColumnType>,
}

impl Table {
    fn new(header: &Header, selection: &Selection) -> Result<Self, Error> {
        let find = |setting: &str, name: &str| {
            let missing = |message| Error::invalid_settings(format_args!("`{setting}`: {message}"));
            header.find(name).map_err(missing)
        };
        let settings = &selection.settings;
        for name in settings.columns_as.iter().flatten().map(|(name, _)| name) {
            find("columns_as", name)?;
        }
        let kept = |name: &str| {
            let r#type = settings.columns_as.as_ref().and_then(|types| types.get(name)).copied();
            Ok(Kept { name: name.to_owned(), index: find("columns", name)?, label: label(name), r#type })
        };
        let key = selection.key.fields.iter().map(|field| find("key", &field.written));
        let filter = settings.filter.iter().flatten();
        Ok(Self {
            key: key.collect::<Result<_, Error>>()?,
            kept: match &settings.columns {
                None => header.names().map(kept).collect::<Result<_, Error>>()?,
                Some(columns) => columns.iter().map(|name| kept(name)).collect::<Result<_, Error>>()?,
            },
            filter: filter
                .map(|(name, accepted)| Ok((find("filter", name)?, accepted.clone())))
                .collect::<Result<_, Error>>()?,
        })
    }

    fn entry(&self, record: &Record, selection: &mut Selection) -> Result<Option<(String, Json)>, Error> {
        if !self.filter.iter().all(|(index, accepted)| accepted.accepts_text(record.field(*index))) {
            return Ok(None);
        }
        let (line, mut key) = (record.line(), String::new());
        let key = match selection.key.of_texts(self.key.iter().map(|index| record.field(*index)), &mut key) {
            Ok(()) => selection.remember(key, line)?,
            Err(no_key) => {
                let why = selection.is_told(no_key).then(|| selection.key.explain(no_key, None));
                return selection.leave_out(no_key, line, why);
            }
        };
        let mut value = Vec::from(b"{");
        for Kept { name, index, label, r#type } in &self.kept {
            if value.len() > 1 {
                value.push(b',');
            }
            value.extend_from_slice(label.as_bytes());
            let text = record.field(*index);
            match r#type.map(|r#type| r#type.json(text).ok_or(r#type)) {
                None => serde_json::to_writer(&mut value, text)?,
                Some(Ok(json)) => value.extend_from_slice(json.as_bytes()),
                Some(Err(r#type)) => {
                    return Err(Error::other(format_args!(
                        "line {line}: `{}` in the column `{name}` is not {}: correct the source or `columns_as`",
                        near::shown(text),
                        r#type.name()
                    )));
                }
            }
        }
        value.push(b'}');
        Ok(Some((key, Json(String::from_utf8(value)?))))
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::testing::json;
    use serde_json::Value;

    use super::*;
    use crate::Format;
    use crate::testing::{owned, read};

    fn of(text: &'static str, mut settings: Value) -> Result<Vec<(String, String)>, Error> {
        if settings["key"].is_null() {
            settings["key"] = json!("iata");
        }
        read(&[("", Format::Csv, text)], settings)
    }

    #[test]
    fn a_record_is_an_object_of_texts() {
        let text = "iata,name,fleet\nFR,\"Ryanair, \"\"DAC\"\"\",0576\n";
        let whole = [("FR", r#"{"iata":"FR","name":"Ryanair, \"DAC\"","fleet":"0576"}"#)];
        assert_eq!(of(text, json!({})).unwrap(), owned(&whole));
        assert_eq!(of(text, json!({ "columns": ["fleet"] })).unwrap(), owned(&[("FR", r#"{"fleet":"0576"}"#)]));
        assert_eq!(of("iata,name\n", json!({})).unwrap(), []);
    }

    #[test]
    fn columns_have_the_types_that_are_asked_for() {
        let text = "iata,ft,open\nA,1.10,T\nB,,\nC,-0,no\n";
        let settings = json!({ "columns": ["open", "ft"], "columns_as": { "ft": "number", "open": "boolean" } });
        let expected = [
            ("A", r#"{"open":true,"ft":1.10}"#),
            ("B", r#"{"open":null,"ft":null}"#),
            ("C", r#"{"open":false,"ft":-0}"#),
        ];
        assert_eq!(of(text, settings).unwrap(), owned(&expected));
        let bad = |text, r#type| of(text, json!({ "columns_as": { "ft": r#type } })).unwrap_err().to_string();
        assert_eq!(
            bad("iata,ft\nA,1\nB,\"1,000\"\n", "number"),
            "line 3: `1,000` in the column `ft` is not a number as JSON writes it: correct the source or `columns_as`"
        );
        let boolean = bad("iata,ft\nA,x\n", "boolean");
        assert!(boolean.starts_with("line 2: `x` in the column `ft` is not a boolean (`true` or"), "{boolean}");
    }

    #[test]
    fn rows_are_filtered_by_their_texts() {
        let text = "iata,type,n\nA,airport,1\nB,heliport,1.0\nC,airport,2\nD,,\n";
        let keys = |filter: Value| {
            let rows = of(text, json!({ "filter": filter })).unwrap();
            rows.into_iter().map(|(key, _)| key).collect::<String>()
        };
        assert_eq!(keys(json!({ "type": "airport" })), "AC");
        assert_eq!(keys(json!({ "type": ["airport", ""], "n": ["2", ""] })), "CD");
        assert_eq!(keys(json!({ "n": 1 })), "AB");
        assert_eq!(keys(json!({ "type": "port" })), "");
    }

    #[test]
    fn a_key_may_be_made_of_several_columns() {
        let text = "country,code\nFR,1\nDE,1\n,2\n";
        let settings = json!({ "key": ["country", "code"], "key_separator": "/", "columns": [] });
        let missing = of(text, settings.clone()).unwrap_err().to_string();
        assert!(missing.starts_with("line 4: the key `country` is empty: correct the source"), "{missing}");
        let mut settings = settings;
        settings["on_missing_key"] = json!("skip");
        assert_eq!(of(text, settings).unwrap(), owned(&[("FR/1", "{}"), ("DE/1", "{}")]));
    }

    #[test]
    fn the_error_for_a_bad_record_has_its_line() {
        let empty = of("iata,name\nFR,Ryanair\n,Nobody\n", json!({})).unwrap_err().to_string();
        assert!(empty.starts_with("line 3: the key `iata` is empty: "), "{empty}");
        let short = of("iata,name\n\n\nFR\n", json!({})).unwrap_err();
        assert_eq!(short.to_string(), "line 4: expected 2 fields, as the header has, found 1");
        let after_empty_lines = of("iata,name\n\r\n\n,Nobody\n", json!({})).unwrap_err().to_string();
        assert!(after_empty_lines.starts_with("line 4: the key `iata` is empty: "), "{after_empty_lines}");
        let nothing = of("", json!({})).unwrap_err().to_string();
        assert!(nothing.starts_with("there is no header: expected"), "{nothing}");
    }

    #[test]
    fn a_column_that_the_header_does_not_have_is_an_error() {
        for (settings, expected) in [
            (json!({}), "`key`: the header has no column `iata` (there are `code`, `name`)"),
            (json!({ "key": "cdoe" }), "`key`: the header has no column `cdoe` (did you mean `code`?)"),
            (
                json!({ "key": "code", "columns": ["code", "Name"] }),
                "`columns`: the header has no column `Name` (did you mean `name`?)",
            ),
            (
                json!({ "key": "code", "columns_as": { "nam": "number" } }),
                "`columns_as`: the header has no column `nam` (did you mean `name`?)",
            ),
            (
                json!({ "key": "code", "filter": { "names": "x" } }),
                "`filter`: the header has no column `names` (did you mean `name`?)",
            ),
        ] {
            let error = of("code,name\nFR,Ryanair\n", settings).unwrap_err();
            assert!(error.is_invalid_settings(), "{error:?}");
            assert_eq!(error.to_string(), expected);
        }
        let twice = of("iata,name,iata\n", json!({})).unwrap_err();
        assert_eq!(twice.to_string(), "the header has the column `iata` twice: rename one of them");
    }
}
