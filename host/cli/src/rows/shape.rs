//! How the rows are written, as the command line says it, or as they begin.

use std::io::{BufRead, Cursor, Read};

use kiwi_host::Limits;
use kiwi_rows::Key;
use kiwi_store::{Error, Result};

use super::bounds::Bounds;
use super::key::key;
use super::problem::{self, Problem};
use super::row::Rows;
use super::{csv, json, ndjson};
use crate::args::{InputFormat, PublishArgs};

const DEFAULT_SEPARATOR: &str = ":";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How the rows are written.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// `None`: as they begin.
    format: Option<InputFormat>,
    key: Key,
}

impl Shape {
    /// What the flags say.
    ///
    /// # Errors
    /// They contradict each other (`is_invalid`).
    pub(crate) fn new(args: &PublishArgs) -> Result<Self> {
        if args.input_format == Some(InputFormat::Csv) && args.keys.is_empty() {
            return Err(Error::invalid("--key is missing: say which column of the CSV is the key, as in `--key iata`"));
        }
        if args.key_separator.is_some() && args.keys.len() < 2 {
            return Err(Error::invalid("--key-separator has no effect without a second --key: remove it, or add one"));
        }
        let separator = args.key_separator.as_deref().unwrap_or(DEFAULT_SEPARATOR);
        Ok(Self { format: args.input_format, key: key(&args.keys, separator)? })
    }

    /// Passes on each entry: the line of its row, its key and its value.
    pub(super) fn read(
        self,
        mut text: impl BufRead,
        limits: &Limits,
        entry: impl FnMut(u64, &str, &str) -> problem::Result<()>,
    ) -> problem::Result<()> {
        let bounds = Bounds::new(limits);
        let start = beginning(&mut text, &bounds)?;
        let format = self.format.map_or_else(|| guess(&start), Ok)?;
        let text = Cursor::new(start).chain(text);
        match format {
            InputFormat::Ndjson => ndjson::read(text, Rows::new(self.key), bounds, entry),
            InputFormat::Json => json::read(text, self.key, bounds, entry),
            InputFormat::Csv => csv::read(text, &self.key, bounds, entry),
        }
    }
}

/// Reads up to the first byte that is not white space. The byte order mark that Windows writes is left out.
fn beginning(text: &mut impl BufRead, bounds: &Bounds) -> problem::Result<Vec<u8>> {
    let mut start = Vec::new();
    for byte in text.bytes() {
        start.push(byte.map_err(|error| Problem::unreadable(1, &error))?);
        if start == BYTE_ORDER_MARK {
            start.clear();
        } else if start.len() > bounds.row {
            return Err(bounds.too_long(1));
        } else if !BYTE_ORDER_MARK.starts_with(&start) && !start.trim_ascii_end().is_empty() {
            break;
        }
    }
    Ok(start)
}

/// The format of rows that begin like this.
fn guess(start: &[u8]) -> problem::Result<InputFormat> {
    match start.last() {
        Some(b'[') => Ok(InputFormat::Json),
        Some(b'{') => Ok(InputFormat::Ndjson),
        Some(byte) if !byte.is_ascii_whitespace() => {
            let line = 1 + start.iter().filter(|byte| **byte == b'\n').count() as u64;
            let message = format!(
                "standard input begins with `{}`, which is neither NDJSON nor JSON: for CSV, add `--input-format csv`",
                byte.escape_ascii()
            );
            Err(Problem::at(line, message))
        }
        _ => Ok(InputFormat::Ndjson),
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &str, chunk: usize, format: Option<InputFormat>, keys: &[&str]) -> Vec<(u64, String, String)> {
        let key = Key::new(keys, ":");
        let (mut entries, text) = (Vec::new(), BufReader::with_capacity(chunk, text.as_bytes()));
        let each = |line, key: &str, value: &str| {
            entries.push((line, key.to_owned(), value.to_owned()));
            Ok(())
        };
        Shape { format, key }.read(text, &Limits::default(), each).unwrap();
        entries
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_row() {
        let one = |line, key: &str| [(line, key.to_owned(), "1".to_owned())];
        for chunk in 1..5 {
            assert_eq!(read("\u{feff}\n{\"key\": \"FR\", \"value\": 1}\n", chunk, None, &[]), one(2, "FR"));
            let json = "\u{feff}{\"FR\": 1}";
            assert_eq!(read(json, chunk, Some(InputFormat::Json), &[]), one(1, "FR"));
            let csv = read("\u{feff}id\nFR\n", chunk, Some(InputFormat::Csv), &["id"]);
            assert_eq!(csv, [(2, "FR".to_owned(), r#"{"id":"FR"}"#.to_owned())]);
        }
    }

    #[test]
    fn the_format_is_guessed_where_that_is_safe() {
        let entries = [(1, "7".to_owned(), r#"{"id":7}"#.to_owned())];
        assert_eq!(read("[{\"id\":7}]", 9, None, &["id"]), entries);
        assert_eq!(read("{\"id\":7}", 9, None, &["id"]), entries);
        assert_eq!(read("", 9, None, &[]), []);
        assert_eq!(read("\n \n", 9, None, &[]), []);
        let message = guess(b"\n <").unwrap_err().to_string();
        assert!(message.starts_with("line 2: standard input begins with `<`, which is neither"), "{message}");
        assert!(guess("\u{e9}".as_bytes()).is_err());
    }
}
