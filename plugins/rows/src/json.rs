//! Reads the rows of a JSON document one by one: the members of an object, or the elements of an array.

use std::fmt;
use std::io::BufRead;

use kiwi_loader::{Error, Json};

use crate::pointer::Pointer;
use crate::row::{Fields, pick};
use crate::scan::Scanner;

/// The entries of an object: its names are the keys.
pub(crate) fn members(
    text: impl BufRead,
    pointer: Pointer,
    columns: Option<Vec<String>>,
) -> Result<impl Iterator<Item = Result<(String, Json), Error>>, Error> {
    let mut scanner = Scanner::new(text);
    pointer.follow(&mut scanner)?;
    if scanner.peek()? == Some(b'[') {
        return Err(Error::invalid_settings(
            "`key` is missing: the rows are an array, so say which field of a row is its key",
        ));
    }
    scanner.enter()?;
    Ok(rows(scanner, move |scanner, row| {
        let key = scanner.name().map_err(|error| error.context(row))?;
        let value = scanner.value().map_err(|error| error.context(row))?;
        match &columns {
            None => Ok((key, Json(value))),
            Some(columns) => Ok((key, Json(pick(&value, columns, row)?))),
        }
    }))
}

/// The entries of an array: the key is a field of each element.
pub(crate) fn elements(
    text: impl BufRead,
    pointer: Pointer,
    fields: Fields,
) -> Result<impl Iterator<Item = Result<(String, Json), Error>>, Error> {
    let mut scanner = Scanner::new(text);
    pointer.follow(&mut scanner)?;
    if scanner.peek()? == Some(b'{') {
        return Err(Error::invalid_settings(
            "`key` is only for an array of rows, and the rows are an object: remove it, or set `pointer`",
        ));
    }
    scanner.enter()?;
    Ok(rows(scanner, move |scanner, row| {
        let value = scanner.value().map_err(|error| error.context(row))?;
        fields.entry(value, row)
    }))
}

/// Rows, until the container ends. Then the rest of the document is read, too, because it may be cut off after its rows.
fn rows<R: BufRead>(
    scanner: Scanner<R>,
    entry: impl Fn(&mut Scanner<R>, &Row) -> Result<(String, Json), Error>,
) -> impl Iterator<Item = Result<(String, Json), Error>> {
    let mut open = Some(scanner);
    (1..).map_while(move |number| {
        let mut scanner = open.take()?;
        match scanner.has_next() {
            Ok(true) => {
                let entry = entry(&mut scanner, &Row(number));
                // After an error the scanner's position in the document is unknown.
                open = entry.is_ok().then_some(scanner);
                Some(entry)
            }
            Ok(false) => scanner.finish().err().map(Err),
            Err(error) => Some(Err(error.context(format_args!("after row {}", number - 1)))),
        }
    })
}

/// The number of a row, for errors.
struct Row(u64);

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::{Format, Shape, ShapeSettings};

    fn read(text: &'static str, key: Option<&str>, pointer: &str) -> Result<Vec<(String, String)>, Error> {
        let settings =
            ShapeSettings { key: key.map(Into::into), pointer: Some(pointer.into()), ..ShapeSettings::default() };
        let shape = Shape::new(Format::Json, settings)?;
        crate::entries(text.as_bytes(), shape)?.map(|entry| entry.map(|(key, Json(value))| (key, value))).collect()
    }

    fn owned(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_object_is_keys_and_values() {
        let text = r#" { "FR": { "n" : 1.10 }, "LH": [1180591620717411303424, -0.0, 1E+400], "\u00e9": "\"\n" } "#;
        let entries = [("FR", r#"{"n":1.10}"#), ("LH", "[1180591620717411303424,-0.0,1E+400]"), ("é", r#""\"\n""#)];
        assert_eq!(read(text, None, "").unwrap(), owned(&entries));
        assert_eq!(read("{}", None, "").unwrap(), []);
    }

    #[test]
    fn the_keys_of_an_array_are_in_a_field() {
        let text = r#"[{"id": "FR", "n": 1.10}, {"n": 2, "id": 7}]"#;
        let entries = [("FR", r#"{"id":"FR","n":1.10}"#), ("7", r#"{"n":2,"id":7}"#)];
        assert_eq!(read(text, Some("id"), "").unwrap(), owned(&entries));
    }

    #[test]
    fn a_pointer_leads_to_the_rows() {
        let text = r#"{"x": [9, {"a/b": {"~": {"FR": 1}}, "y": 2}], "z": 3}"#;
        assert_eq!(read(text, None, "/x/1/a~1b/~0").unwrap(), owned(&[("FR", "1")]));
        for missing in ["/y", "/x/2", "/x/y", "/z/0", "/x/01", "/x/+1"] {
            let error = read(text, None, missing).unwrap_err().to_string();
            assert_eq!(error, format!("the document has nothing at `{missing}`: correct `pointer`"));
        }
    }

    #[test]
    fn a_document_that_is_cut_off_is_an_error() {
        let message = |text| read(text, None, "/rows").unwrap_err().to_string();
        assert_eq!(message(r#"{"rows": {"FR": 1}"#), "the document is cut off");
        assert_eq!(message(r#"{"rows": {"FR": 1"#), "after row 1: the document is cut off: expected `,` or `}`");
        assert_eq!(message(r#"{"rows": {"FR": {"#), "row 1: the document is cut off");
        assert_eq!(message(r#"{"rows": {"FR": 1}} x"#), "expected the end of the document, found `x`");
    }

    #[test]
    fn rows_that_do_not_match_the_key_setting_are_an_error() {
        let array = read("[1]", None, "").unwrap_err();
        assert!(array.is_invalid_settings() && array.to_string().starts_with("`key` is missing"), "{array}");
        let object = read("{}", Some("id"), "").unwrap_err();
        assert!(
            object.is_invalid_settings() && object.to_string().starts_with("`key` is only for an array"),
            "{object}"
        );
        assert!(read("3", None, "").unwrap_err().to_string().starts_with("expected an object or an array"));
        assert!(read(r#"[{"id": 1}, 2]"#, Some("id"), "").unwrap_err().to_string().starts_with("row 2: "));
    }

    #[test]
    fn an_error_of_the_source_keeps_its_kind() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(Error::unavailable("the connection was lost").into())
            }
        }
        let text = std::io::BufReader::new(r#"{"FR": 1, "LH": "#.as_bytes().chain(Cut));
        let shape = Shape::new(Format::Json, ShapeSettings::default()).unwrap();
        let last = crate::entries(text, shape).unwrap().last().unwrap().unwrap_err();
        assert!(last.is_unavailable(), "{last:?}");
    }
}
