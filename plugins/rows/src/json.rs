//! One JSON document, its rows read one by one: the members of an object, or the elements of an array.

use std::io::Read;

use kiwi_loader::{Error, Json};
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, TransferError, ValueType};
use struson::writer::{JsonStreamWriter, JsonWriter};

use crate::pointer::Pointer;
use crate::row::{Fields, pick};

/// The entries of an object: its names are the keys.
pub(crate) fn members(
    text: impl Read,
    pointer: Pointer,
    columns: Option<Vec<String>>,
) -> Result<impl Iterator<Item = Result<(String, Json), Error>>, Error> {
    let mut reader = open(text, &pointer)?;
    match reader.peek().map_err(of_reader)? {
        ValueType::Object => reader.begin_object().map_err(of_reader)?,
        ValueType::Array => {
            return Err(Error::invalid_settings(
                "`key` is missing: the rows are an array, so say which field of a row is its key",
            ));
        }
        other => return Err(Error::other(format_args!("expected a JSON object of rows, found: {other}"))),
    }
    Ok(rows(reader, move |reader, number| {
        let key = reader.next_name_owned().map_err(of_reader)?;
        let value = value(reader)?;
        match &columns {
            None => Ok((key, Json(value))),
            Some(columns) => Ok((key, Json(pick(&value, columns, format_args!("row {number}"))?))),
        }
    }))
}

/// The entries of an array: the key is a field of each element.
pub(crate) fn elements(
    text: impl Read,
    pointer: Pointer,
    fields: Fields,
) -> Result<impl Iterator<Item = Result<(String, Json), Error>>, Error> {
    let mut reader = open(text, &pointer)?;
    match reader.peek().map_err(of_reader)? {
        ValueType::Array => reader.begin_array().map_err(of_reader)?,
        ValueType::Object => {
            return Err(Error::invalid_settings(
                "`key` is for an array of rows, and the rows are an object: remove it, or set `pointer`",
            ));
        }
        other => return Err(Error::other(format_args!("expected a JSON array of rows, found: {other}"))),
    }
    Ok(rows(reader, move |reader, number| fields.entry(value(reader)?, format_args!("row {number}"))))
}

fn open<R: Read>(text: R, pointer: &Pointer) -> Result<JsonStreamReader<R>, Error> {
    // Paths in errors would cost memory and time for each row, and numbers of any size are the host's to judge.
    let settings = ReaderSettings { track_path: false, restrict_number_values: false, ..ReaderSettings::default() };
    let mut reader = JsonStreamReader::new_custom(text, settings);
    pointer.follow(&mut reader)?;
    Ok(reader)
}

/// Rows, until the array or object ends. Then the rest of the document is read too: one that is cut off is no document.
fn rows<R: Read>(
    reader: JsonStreamReader<R>,
    row: impl Fn(&mut JsonStreamReader<R>, u64) -> Result<(String, Json), Error>,
) -> impl Iterator<Item = Result<(String, Json), Error>> {
    let mut open = Some(reader);
    (1..).map_while(move |number| {
        let mut reader = open.take()?;
        match reader.has_next() {
            Ok(true) => {
                let row = row(&mut reader, number);
                // A reader is of no use after an error.
                open = row.is_ok().then_some(reader);
                Some(row)
            }
            Ok(false) => finish(reader).err().map(|error| Err(of_reader(error))),
            Err(error) => Some(Err(of_reader(error))),
        }
    })
}

fn finish(mut reader: JsonStreamReader<impl Read>) -> Result<(), ReaderError> {
    reader.skip_to_top_level()?;
    reader.consume_trailing_whitespace()
}

/// The next value, written again without its white space; numbers keep their digits.
fn value(reader: &mut JsonStreamReader<impl Read>) -> Result<String, Error> {
    let mut writer = JsonStreamWriter::new(Vec::new());
    reader.transfer_to(&mut writer).map_err(|error| match error {
        TransferError::ReaderError(error) => of_reader(error),
        TransferError::WriterError(error) => error.into(),
    })?;
    Ok(String::from_utf8(writer.finish_document()?)?)
}

/// Takes the source's own error out of the parser's.
pub(crate) fn of_reader(error: ReaderError) -> Error {
    match error {
        ReaderError::IoError { error, .. } => error.into(),
        error => Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Shape};

    fn read(text: &'static str, key: Option<&str>, pointer: &str) -> Result<Vec<(String, String)>, Error> {
        let shape = Shape::new(Format::Json, key.map(Into::into), Some(pointer), None, None)?;
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
    fn an_array_has_its_keys_in_a_field() {
        let text = r#"[{"id": "FR", "n": 1.10}, {"n": 2, "id": 7}]"#;
        let entries = [("FR", r#"{"id":"FR","n":1.10}"#), ("7", r#"{"n":2,"id":7}"#)];
        assert_eq!(read(text, Some("id"), "").unwrap(), owned(&entries));
    }

    #[test]
    fn a_pointer_leads_to_the_rows() {
        let text = r#"{"x": [9, {"a/b": {"~": {"FR": 1}}, "y": 2}], "z": 3}"#;
        assert_eq!(read(text, None, "/x/1/a~1b/~0").unwrap(), owned(&[("FR", "1")]));
        for nowhere in ["/y", "/x/2", "/x/y", "/z/0"] {
            let error = read(text, None, nowhere).unwrap_err().to_string();
            assert_eq!(error, format!("the document has nothing at `{nowhere}`: see `pointer`"));
        }
    }

    #[test]
    fn a_document_that_is_cut_off_is_an_error() {
        for text in [r#"{"rows": {"FR": 1}"#, r#"{"rows": {"FR": 1"#, r#"{"rows": {"FR": 1}} x"#] {
            let error = read(text, None, "/rows").unwrap_err();
            assert!(error.to_string().starts_with("syntax error"), "{text}: {error}");
        }
    }

    #[test]
    fn rows_of_another_kind_than_the_key_says_are_told() {
        let array = read("[1]", None, "").unwrap_err();
        assert!(array.is_invalid_settings() && array.to_string().starts_with("`key` is missing"), "{array}");
        let object = read("{}", Some("id"), "").unwrap_err();
        assert!(object.is_invalid_settings() && object.to_string().starts_with("`key` is for an array"), "{object}");
        assert!(read("3", None, "").unwrap_err().to_string().starts_with("expected a JSON object"));
        assert!(read(r#"[{"id": 1}, 2]"#, Some("id"), "").unwrap_err().to_string().starts_with("row 2: "));
    }

    #[test]
    fn an_error_of_the_source_keeps_its_kind() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(Error::unavailable("the server went away").into())
            }
        }
        let text = std::io::BufReader::new(r#"{"FR": 1, "LH": "#.as_bytes().chain(Cut));
        let shape = Shape::new(Format::Json, None, None, None, None).unwrap();
        let last = crate::entries(text, shape).unwrap().last().unwrap().unwrap_err();
        assert!(last.is_unavailable(), "{last:?}");
    }
}
