//! CSV with a header.

use std::collections::HashSet;
use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::error::{Error, Problem, Result};
use crate::near;

/// How much room a record has at first.
const USUAL_BYTES: usize = 1 << 10;
const USUAL_FIELDS: usize = 32;

/// The records of a text. Empty lines are skipped, but counted.
pub struct Records<R> {
    text: R,
    parser: Reader,
    max_bytes: usize,
    line: u64,
    /// How many fields a record must have: as many as the header.
    fields: Option<usize>,
}

/// One record.
#[derive(Debug, Default)]
pub struct Record {
    text: String,
    /// Where each field ends in the text.
    ends: Vec<usize>,
    line: u64,
    has_ended: bool,
}

/// The columns of a text.
#[derive(Debug)]
pub struct Header {
    names: Vec<String>,
}

impl<R: BufRead> Records<R> {
    /// The records of a text, none of which may take more than `max_bytes` of it. `delimiter` is an ASCII character.
    pub fn new(text: R, delimiter: u8, max_bytes: usize) -> Self {
        let parser = ReaderBuilder::new().delimiter(delimiter).build();
        Self { text, parser, max_bytes, line: 1, fields: None }
    }

    /// Reads the header, which is the first record.
    ///
    /// # Errors
    /// There is none, or it has a column twice.
    pub fn header(&mut self, record: &mut Record) -> Result<Header> {
        if !self.next(record)? {
            return Err(Error::at(1, Problem::NoHeader));
        }
        let mut seen = HashSet::new();
        if let Some(name) = record.fields().find(|name| !seen.insert(*name)) {
            return Err(Error::at(record.line, Problem::ColumnTwice(name.to_owned())));
        }
        let names: Vec<String> = record.fields().map(str::to_owned).collect();
        self.fields = Some(names.len());
        Ok(Header { names })
    }

    /// Reads the next record. `false`: there are no more. Then, and after an error, the record has no fields.
    ///
    /// # Errors
    /// It cannot be read, is too long, is not UTF-8, or has another number of fields than the header.
    pub fn next(&mut self, record: &mut Record) -> Result<bool> {
        let read = self.read(record);
        if !matches!(read, Ok(true)) {
            record.text.clear();
            record.ends.clear();
        }
        read
    }

    fn read(&mut self, record: &mut Record) -> Result<bool> {
        record.has_ended = true;
        self.skip_empty_lines()?;
        record.line = self.line;
        let mut bytes = std::mem::take(&mut record.text).into_bytes();
        let (mut length, mut ends, mut read) = (0, 0, 0);
        bytes.resize(USUAL_BYTES, 0);
        record.ends.resize(USUAL_FIELDS, 0);
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Error::at(self.line, Problem::Io(error)))?;
            record.has_ended = !chunk.is_empty();
            let (result, passed, written, ended) =
                self.parser.read_record(chunk, &mut bytes[length..], &mut record.ends[ends..]);
            self.line += chunk[..passed].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.text.consume(passed);
            (length, ends, read) = (length + written, ends + ended, read + passed);
            if read > self.max_bytes {
                return Err(Error::at(record.line, Problem::RowTooLong));
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => bytes.resize(bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize(record.ends.len() * 2, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => {
                    record.has_ended = true;
                    return Ok(false);
                }
            }
        }
        bytes.truncate(length);
        record.ends.truncate(ends);
        record.text = String::from_utf8(bytes).map_err(|error| record.not_utf8(error.utf8_error().valid_up_to()))?;
        if let Some(end) = record.ends.iter().find(|end| !record.text.is_char_boundary(**end)) {
            return Err(record.not_utf8(end - 1));
        }
        match self.fields {
            Some(expected) if expected != ends => {
                Err(Error::at(record.line, Problem::FieldCount { expected, found: ends }))
            }
            _ => Ok(true),
        }
    }

    /// The parser skips them too, but then a record would begin in the line of the first of them.
    fn skip_empty_lines(&mut self) -> Result<()> {
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Error::at(self.line, Problem::Io(error)))?;
            let blank = chunk.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.line += chunk[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
            let is_done = blank < chunk.len() || chunk.is_empty();
            self.text.consume(blank);
            if is_done {
                return Ok(());
            }
        }
    }
}

impl Record {
    /// The texts of its columns.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }

    /// The text of one column.
    ///
    /// # Panics
    /// It has no such column.
    #[must_use]
    pub fn field(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[index]]
    }

    /// The line in which it begins, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Whether it ends with its line, and not with the text: also where it could not be read for another reason.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn not_utf8(&self, at: usize) -> Error {
        let field = self.ends.iter().position(|end| at < *end).unwrap_or_default();
        Error::at(self.line, Problem::NotUtf8(format!("field {}", field + 1)))
    }
}

impl Header {
    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Where a column is.
    ///
    /// # Errors
    /// There is no such column: a message that says what was meant.
    pub fn find(&self, name: &str) -> std::result::Result<usize, String> {
        let missing = || format!("the header has no column `{name}` ({})", near::hint(name, self.names()));
        self.names.iter().position(|column| column == name).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &[u8], chunk: usize) -> Result<Vec<(u64, bool, Vec<String>)>> {
        let mut records = Records::new(BufReader::with_capacity(chunk, text), b',', 1_000);
        let (mut record, mut all) = (Record::default(), Vec::new());
        records.header(&mut record)?;
        while records.next(&mut record)? {
            let fields: Vec<String> = record.fields().map(str::to_owned).collect();
            assert!(fields.iter().enumerate().all(|(index, field)| record.field(index) == field));
            all.push((record.line(), record.has_ended(), fields));
        }
        Ok(all)
    }

    #[test]
    fn a_record_has_its_own_line_for_every_kind_of_line_break() {
        for text in [
            "a,b\nFR,\"x, \"\"y\"\"\nz\"\n\n\nLH,\n",
            "a,b\r\nFR,\"x, \"\"y\"\"\nz\"\r\n\r\n\n\rLH,\r\n",
            "\n\na,b\nFR,\"x, \"\"y\"\"\nz\"\nLH,\n",
        ] {
            for chunk in 1..text.len() {
                let records = read(text.as_bytes(), chunk).unwrap();
                let lines: Vec<u64> = records.iter().map(|(line, ..)| *line).collect();
                assert_eq!(lines, if text.starts_with('\n') { [4, 6] } else { [2, 6] }, "{text:?} by {chunk}");
                assert_eq!(records[0].2, ["FR", "x, \"y\"\nz"]);
                assert_eq!(records[1].2, ["LH", ""]);
            }
        }
    }

    #[test]
    fn whether_a_record_has_ended_is_known() {
        let ended = |text: &str| read(text.as_bytes(), 3).unwrap().last().unwrap().1;
        assert!(ended("a,b\n1,2\n") && ended("a,b\n1,2\r\n") && ended("a,b\n1,\"2\"\n"));
        assert!(!ended("a,b\n1,2") && !ended("a,b\n1,\"2") && !ended("a,b\n1,\"2\""));
    }

    #[test]
    fn long_records_and_many_columns_have_room() {
        let names: Vec<String> = (0..100).map(|n| format!("column-{n}")).collect();
        let text = format!("{0}\n{0}\n", names.join(","));
        let mut records = Records::new(text.as_bytes(), b',', 10_000);
        let mut record = Record::default();
        assert!(records.header(&mut record).unwrap().names().eq(&names));
        assert!(records.next(&mut record).unwrap() && record.fields().eq(&names));
        assert!(!records.next(&mut record).unwrap());
        assert_eq!(record.fields().count(), 0);
    }

    #[test]
    fn what_is_wrong_with_a_record_has_its_line() {
        for (text, expected) in [
            (&b""[..], "line 1: there is no header: expected the names of the columns in the first line"),
            (b"a,b,a\n", "line 1: the header has the column `a` twice: rename one of them"),
            (b"a,b\n\n1\n", "line 3: expected 2 fields, as the header has, found 1"),
            (b"a,b\n1,2,3\n", "line 2: expected 2 fields, as the header has, found 3"),
            (b"a,b\n1,\xe9\n", "line 2: field 2 is not UTF-8"),
            // Valid only if the fields are joined.
            (b"a,b\n\xc3,\xa9\n", "line 2: field 1 is not UTF-8"),
        ] {
            assert_eq!(read(text, 4).unwrap_err().to_string(), expected);
        }
        let endless = BufReader::new(std::io::Read::chain(&b"a,b\n1,2\n\n3,\""[..], std::io::repeat(b'x')));
        let (mut records, mut record) = (Records::new(endless, b',', 100_000), Record::default());
        assert!(records.header(&mut record).is_ok() && records.next(&mut record).unwrap());
        assert_eq!(records.next(&mut record).unwrap_err().to_string(), "line 4: the row is too long");
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_the_one_that_was_meant() {
        let (mut records, mut record) = (Records::new(&b"code,name\n"[..], b',', 100), Record::default());
        let header = records.header(&mut record).unwrap();
        assert_eq!(header.find("name"), Ok(1));
        assert_eq!(header.find("nmae").unwrap_err(), "the header has no column `nmae` (did you mean `name`?)");
    }
}
