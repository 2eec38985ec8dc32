//! CSV with a header: each record becomes a JSON object of texts.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::bounds::Bounds;
use super::key::{Field, Keys};
use super::problem::{Problem, Result};

/// How much of the text is read at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// Passes on the entry of each record.
pub(super) fn read(
    text: impl BufRead,
    keys: Keys,
    bounds: Bounds,
    mut entry: impl FnMut(u64, &str, &str) -> Result<()>,
) -> Result<()> {
    let text = Bounded { text, max: bounds.row, record: 0, has_ended: false };
    let mut records = Records {
        reader: ReaderBuilder::new().buffer_capacity(BUFFER_BYTES).has_headers(false).from_reader(text),
        bounds,
    };
    let mut record = StringRecord::new();
    if records.next(&mut record)?.is_none() {
        return Err(Problem::at(1, "there is no header: expected the names of the columns in the first line"));
    }
    let table = Table::new(&record, keys)?;
    let (mut key, mut value) = (String::new(), Vec::new());
    while let Some(line) = records.next(&mut record)? {
        let value = table.entry(&record, &mut key, &mut value).map_err(|message| Problem::at(line, message))?;
        entry(line, &key, value)?;
    }
    Ok(())
}

/// The records of a text.
struct Records<R> {
    reader: Reader<Bounded<R>>,
    bounds: Bounds,
}

impl<R: Read> Records<R> {
    /// Reads one, and returns the line that it, or the empty lines before it, begin in. `None`: there are no more.
    fn next(&mut self, record: &mut StringRecord) -> Result<Option<u64>> {
        self.reader.get_mut().record = 0;
        let before = self.reader.position().line();
        let has_record = self.reader.read_record(record);
        let line = record.position().map_or(before, csv::Position::line);
        let text = self.reader.get_ref();
        match has_record {
            Ok(false) => Ok(None),
            // What ends with its line is complete before the end of the text is seen.
            Ok(true) | Err(_) if text.has_ended => Err(Problem::at(
                line,
                "the input ends in the middle of a record: a quote is not closed, or the last line does not end with a \
                 line break; its producer has probably failed: run it again",
            )),
            Ok(true) => Ok(Some(line)),
            Err(_) if text.record > text.max => Err(self.bounds.too_long(before)),
            Err(error) => Err(Problem::at(before, explain(&error))),
        }
    }
}

fn explain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} fields, as the header has, found {len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("field {} is not UTF-8: write the rows as UTF-8", err.field() + 1)
        }
        csv::ErrorKind::Io(error) => format!("standard input cannot be read: {error}"),
        _ => error.to_string(),
    }
}

/// Stops where a record becomes too long, and notes the end.
struct Bounded<R> {
    text: R,
    max: usize,
    /// How much was read since the last record.
    record: usize,
    has_ended: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.record > self.max {
            return Err(io::Error::other("the record is too long"));
        }
        let read = self.text.read(buffer)?;
        self.record = self.record.saturating_add(read);
        self.has_ended = read == 0;
        Ok(read)
    }
}

/// Which columns make up an entry.
struct Table {
    keys: Keys,
    /// Where the fields of the key are.
    places: Vec<usize>,
    /// The start of the member of each column.
    labels: Vec<String>,
}

impl Table {
    fn new(header: &StringRecord, keys: Keys) -> Result<Self> {
        let mut names = HashSet::new();
        if let Some(name) = header.iter().find(|name| !names.insert(*name)) {
            return Err(Problem::at(1, format_args!("the header has the column `{name}` twice: rename one of them")));
        }
        let find = |Field { written, .. }: &Field| {
            header.iter().position(|name| name == written).ok_or_else(|| {
                let names = header.iter().collect::<Vec<_>>().join("`, `");
                Problem::at(1, format_args!("there is no column `{written}` (`--key`); the header has `{names}`"))
            })
        };
        let places = keys.fields.iter().map(find).collect::<Result<_>>()?;
        let labels = header.iter().map(|name| serde_json::Value::from(name).to_string() + ":").collect();
        Ok(Self { keys, places, labels })
    }

    /// Writes the key, and the value as JSON.
    fn entry<'v>(
        &self,
        record: &StringRecord,
        key: &mut String,
        value: &'v mut Vec<u8>,
    ) -> std::result::Result<&'v str, String> {
        key.clear();
        for (field, place) in self.keys.fields.iter().zip(&self.places) {
            self.keys.add(key, field, &record[*place])?;
        }
        value.clear();
        value.push(b'{');
        for (label, field) in self.labels.iter().zip(record) {
            if value.len() > 1 {
                value.push(b',');
            }
            value.extend_from_slice(label.as_bytes());
            serde_json::to_writer(&mut *value, field).map_err(|error| error.to_string())?;
        }
        value.push(b'}');
        std::str::from_utf8(value).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &[u8], keys: &[&str]) -> std::result::Result<Vec<(u64, String, String)>, String> {
        let keys = Keys::new(keys.iter().map(ToString::to_string).collect(), ":".to_owned()).unwrap();
        let bounds = Bounds::new(&kiwi_host::Limits { value_bytes: 10_000, ..kiwi_host::Limits::default() });
        let mut entries = Vec::new();
        let read = super::read(text, keys, bounds, |line, key, value| {
            entries.push((line, key.to_owned(), value.to_owned()));
            Ok(())
        });
        read.map(|()| entries).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_record_is_an_object_of_texts() {
        let text = b"iata,name,fleet\nFR,\"Ryanair, \"\"DAC\"\"\nDublin\",0576\n\r\nLH,,7\r\n";
        let entries = [
            (2, "FR:0576".to_owned(), r#"{"iata":"FR","name":"Ryanair, \"DAC\"\nDublin","fleet":"0576"}"#.to_owned()),
            (4, "LH:7".to_owned(), r#"{"iata":"LH","name":"","fleet":"7"}"#.to_owned()),
        ];
        assert_eq!(read(text, &["iata", "fleet"]).unwrap(), entries);
        assert_eq!(read(b"iata,name\n", &["iata"]).unwrap(), []);
        assert_eq!(read(b"/a,name\n1,2\n", &["/a"]).unwrap()[0].1, "1", "a column, and not a pointer");
    }

    #[test]
    fn a_last_line_that_is_cut_off_is_an_error_wherever_it_is_cut() {
        let text = b"iata,name\nFR,Ryanair\nLH,\"Luft\nhansa\"\n";
        assert_eq!(read(text, &["iata"]).unwrap().len(), 2);
        for end in 1..text.len() {
            let is_whole = [10, 21].contains(&end);
            let found = read(&text[..end], &["iata"]);
            assert_eq!(found.is_ok(), is_whole, "{:?}: {found:?}", String::from_utf8_lossy(&text[..end]));
        }
        let cut = read(&text[..30], &["iata"]).unwrap_err();
        assert!(cut.starts_with("line 3: the input ends in the middle of a record"), "{cut}");
    }

    #[test]
    fn the_error_for_a_bad_record_has_its_line() {
        let message = |text: &[u8]| read(text, &["iata"]).unwrap_err();
        assert_eq!(
            message(b"iata,name\nFR,Ryanair\n,Nobody\n"),
            "line 3: the key `iata` is empty: expected at least one character"
        );
        assert_eq!(message(b"iata,name\nLH,Lufthansa\nFR\n"), "line 3: expected 2 fields, as the header has, found 1");
        assert_eq!(message(b"iata,name\nFR,\xe9\n"), "line 2: field 2 is not UTF-8: write the rows as UTF-8");
        assert_eq!(message(b"iata,name,iata\n"), "line 1: the header has the column `iata` twice: rename one of them");
        assert_eq!(
            message(b"code,name\nFR,Ryanair\n"),
            "line 1: there is no column `iata` (`--key`); the header has `code`, `name`"
        );
        assert!(message(b"").starts_with("line 1: there is no header"));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_not_collected() {
        let text = b"iata,name\nFR,Ryanair\nLH,\"".chain(io::repeat(b'x'));
        let keys = Keys::new(vec!["iata".to_owned()], String::new()).unwrap();
        let bounds = Bounds::new(&kiwi_host::Limits::default());
        let problem = super::read(BufReader::new(text), keys, bounds, |_, _, _| Ok(())).unwrap_err().to_string();
        assert!(problem.starts_with("line 3: the row is longer than a value may be (1.0 MiB)"), "{problem}");
    }
}
