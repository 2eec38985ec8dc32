//! Reads the rows of a JSON document one by one: the members of an object, or the elements of an array.

use std::io::BufRead;

use kiwi_loader::Error;
use kiwi_rows::Scanner;

use crate::entries::{Next, Rows};
use crate::failed::failed;
use crate::selection::Selection;

/// The rows of a document that has been read up to the first of them.
pub(crate) struct Document<R> {
    scanner: Option<Scanner<R>>,
    rows: u64,
    has_names: bool,
    name: Vec<u8>,
}

impl<R: BufRead> Document<R> {
    pub(crate) fn open(text: R, selection: &Selection) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text);
        selection.pointer.follow(&mut scanner)?;
        let has_names = selection.settings.key.is_none();
        match scanner.peek().map_err(failed)? {
            Some(b'[') if has_names => Err(Error::invalid_settings(
                "`key` is missing: the rows are an array, so say which field of a row is its key",
            )),
            Some(b'{') if !has_names => Err(Error::invalid_settings(
                "`key` is only for an array of rows, and the rows are an object: remove it, or set `pointer`",
            )),
            _ => {
                scanner.enter().map_err(failed)?;
                Ok(Self { scanner: Some(scanner), rows: 0, has_names, name: Vec::new() })
            }
        }
    }
}

impl<R: BufRead> Rows for Document<R> {
    fn next(&mut self, selection: &mut Selection) -> Result<Next, Error> {
        let Some(scanner) = &mut self.scanner else { return Ok(Next::End) };
        let has_next = scanner.has_next().map_err(failed);
        if !has_next.map_err(|error| error.context(format_args!("after row {}", self.rows)))? {
            // The rest is read, too, because the document may be cut off after its rows.
            if let Some(scanner) = self.scanner.take() {
                scanner.finish().map_err(failed)?;
            }
            return Ok(Next::End);
        }
        self.rows += 1;
        let number = self.rows;
        let in_row = |error: Error| error.context(format_args!("row {number}"));
        let mut value = Vec::new();
        let entry = if self.has_names {
            scanner.name(&mut self.name).map_err(|error| in_row(failed(error)))?;
            let name = serde_json::from_slice(&self.name).map_err(|error| in_row(error.into()))?;
            scanner.value(&mut value).map_err(|error| in_row(failed(error)))?;
            selection.member(name, text(value).map_err(in_row)?, number)?
        } else {
            scanner.value(&mut value).map_err(|error| in_row(failed(error)))?;
            selection.object(text(value).map_err(in_row)?, number)?
        };
        Ok(Next::Row(entry))
    }
}

fn text(value: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(value).map_err(|_| Error::other("the text is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use kiwi_loader::testing::json;
    use serde_json::Value;

    use super::*;
    use crate::testing::{owned, read, settings};
    use crate::{Format, Text};

    fn of(text: &'static str, settings: Value) -> Result<Vec<(String, String)>, Error> {
        read(&[("", Format::Json, text)], settings)
    }

    #[test]
    fn an_object_is_keys_and_values() {
        let text = r#" { "FR": { "n" : 1.10 }, "LH": [1180591620717411303424, -0.0, 1E+400], "\u00e9": "\"\n" } "#;
        let entries = [("FR", r#"{"n":1.10}"#), ("LH", "[1180591620717411303424,-0.0,1E+400]"), ("é", r#""\"\n""#)];
        assert_eq!(of(text, json!({})).unwrap(), owned(&entries));
        assert_eq!(of("{}", json!({})).unwrap(), []);
        let unnamed = of(r#"{"a": 1, "": 2}"#, json!({})).unwrap_err();
        assert_eq!(unnamed.to_string(), "row 2: the key is empty");
    }

    #[test]
    fn the_keys_of_an_array_are_in_a_field() {
        let text = r#"[{"id": "FR", "n": 1.10}, {"n": 2, "id": 7}]"#;
        let entries = [("FR", r#"{"id":"FR","n":1.10}"#), ("7", r#"{"n":2,"id":7}"#)];
        assert_eq!(of(text, json!({ "key": "id" })).unwrap(), owned(&entries));
    }

    #[test]
    fn a_filter_and_columns_are_for_members_too() {
        let text = r#"{"FR": {"n": 1, "eu": true}, "CH": {"n": 2, "eu": false}, "IE": {"eu": true}}"#;
        let settings = json!({ "filter": { "eu": true }, "columns": ["n"] });
        assert_eq!(of(text, settings).unwrap(), owned(&[("FR", r#"{"n":1}"#), ("IE", "{}")]));
        let scalar = of(r#"{"FR": 1}"#, json!({ "filter": { "eu": true } })).unwrap_err();
        assert!(scalar.to_string().starts_with("row 1: invalid type: integer `1`, expected a row"), "{scalar}");
    }

    #[test]
    fn a_pointer_leads_to_the_rows() {
        let text = r#"{"x": [9, {"a/b": {"~": {"FR": 1}}, "y": 2}], "z": 3}"#;
        let of = |pointer| of(text, json!({ "pointer": pointer }));
        assert_eq!(of("/x/1/a~1b/~0").unwrap(), owned(&[("FR", "1")]));
        for missing in ["/y", "/x/2", "/x/y", "/z/0", "/x/01", "/x/+1"] {
            let error = of(missing).unwrap_err().to_string();
            assert_eq!(error, format!("the document has nothing at `{missing}`: correct `pointer`"));
        }
        assert!(of("x").unwrap_err().to_string().starts_with("`pointer`: `x` does not begin"));
    }

    #[test]
    fn a_document_that_is_cut_off_is_an_error() {
        let message = |text| of(text, json!({ "pointer": "/rows" })).unwrap_err().to_string();
        assert_eq!(message(r#"{"rows": {"FR": 1}"#), "the document is cut off");
        assert_eq!(message(r#"{"rows": {"FR": 1"#), "after row 1: the document is cut off: expected `,` or `}`");
        assert_eq!(message(r#"{"rows": {"FR": {"#), "row 1: the document is cut off");
        assert_eq!(message(r#"{"rows": {"FR": 1}} x"#), "expected the end of the document, found `x`");
    }

    #[test]
    fn rows_that_do_not_match_the_key_setting_are_an_error() {
        let array = of("[1]", json!({})).unwrap_err();
        assert!(array.is_invalid_settings() && array.to_string().starts_with("`key` is missing"), "{array}");
        let object = of("{}", json!({ "key": "id" })).unwrap_err();
        assert!(
            object.is_invalid_settings() && object.to_string().starts_with("`key` is only for an array"),
            "{object}"
        );
        assert!(of("3", json!({})).unwrap_err().to_string().starts_with("expected an object or an array"));
        let scalar = of(r#"[{"id": 1}, 2]"#, json!({ "key": "id" })).unwrap_err();
        assert!(scalar.to_string().starts_with("row 2: "), "{scalar}");
    }

    #[test]
    fn an_error_of_the_source_keeps_its_kind() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(Error::unavailable("the connection was lost").into())
            }
        }
        let body = Box::new(std::io::BufReader::new(r#"{"FR": 1, "LH": "#.as_bytes().chain(Cut)));
        let mut text = Some(Text { name: String::new(), format: Format::Json, body });
        let last = crate::entries(settings(json!({})), move |_| Ok(text.take())).unwrap().last().unwrap().unwrap_err();
        assert!(last.is_unavailable(), "{last:?}");
    }
}
