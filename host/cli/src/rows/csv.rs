//! CSV with a header: each record becomes a JSON object of texts.

use std::io::BufRead;

use kiwi_rows::csv::{Header, Record, Records};
use kiwi_rows::{Key, label};

use super::bounds::Bounds;
use super::problem::{Problem, Result};

/// Passes on the entry of each record.
pub(super) fn read(
    text: impl BufRead,
    key: &Key,
    bounds: Bounds,
    mut entry: impl FnMut(u64, &str, &str) -> Result<()>,
) -> Result<()> {
    let (mut records, mut record) = (Records::new(text, b',', bounds.row), Record::default());
    let header = records.header(&mut record);
    let header = whole(header, &record, &bounds)?;
    let table = Table::new(&header, key).map_err(|message| Problem::at(record.line(), message))?;
    let (mut text, mut value) = (String::new(), Vec::new());
    loop {
        let has_record = records.next(&mut record);
        if !whole(has_record, &record, &bounds)? {
            return Ok(());
        }
        let value = table.entry(&record, &mut text, &mut value);
        let value = value.map_err(|message| Problem::at(record.line(), message))?;
        entry(record.line(), &text, value)?;
    }
}

/// What was read with this record, unless that ends with the text: it may be cut off, whatever else is wrong with it. A
/// record that ends with its line is complete before the end of the text is seen.
fn whole<T>(read: kiwi_rows::Result<T>, record: &Record, bounds: &Bounds) -> Result<T> {
    if record.has_ended() {
        return read.map_err(|error| bounds.problem(error));
    }
    Err(Problem::at(
        record.line(),
        "the input ends in the middle of a record: a quote is not closed, or the last line does not end with a line \
         break; its producer has probably failed: run it again",
    ))
}

/// Which columns make up an entry.
struct Table<'k> {
    key: &'k Key,
    /// Where the fields of the key are.
    places: Vec<usize>,
    /// The start of the member of each column.
    labels: Vec<String>,
}

impl<'k> Table<'k> {
    fn new(header: &Header, key: &'k Key) -> std::result::Result<Self, String> {
        let find = |name: &str| header.find(name).map_err(|missing| format!("`--key`: {missing}"));
        let places = key.fields.iter().map(|field| find(&field.written)).collect::<std::result::Result<_, _>>()?;
        Ok(Self { key, places, labels: header.names().map(label).collect() })
    }

    /// Writes the key, and the value as JSON.
    fn entry<'v>(
        &self,
        record: &Record,
        key: &mut String,
        value: &'v mut Vec<u8>,
    ) -> std::result::Result<&'v str, String> {
        let texts = self.places.iter().map(|place| record.field(*place));
        self.key
            .of_texts(texts, key)
            .map_err(|no_key| format!("{}: expected at least one character", self.key.explain(no_key, None)))?;
        value.clear();
        value.push(b'{');
        for (label, field) in self.labels.iter().zip(record.fields()) {
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
    use std::io::{BufReader, Read, repeat};

    use super::*;

    fn read(text: &[u8], keys: &[&str]) -> std::result::Result<Vec<(u64, String, String)>, String> {
        let key = Key::new(keys, ":");
        let bounds = Bounds::new(&kiwi_host::Limits { value_bytes: 10_000, ..kiwi_host::Limits::default() });
        let mut entries = Vec::new();
        let read = super::read(text, &key, bounds, |line, key, value| {
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
            (5, "LH:7".to_owned(), r#"{"iata":"LH","name":"","fleet":"7"}"#.to_owned()),
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
            "line 1: `--key`: the header has no column `iata` (there are `code`, `name`)"
        );
        assert!(message(b"").starts_with("line 1: there is no header"));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_not_collected() {
        let text = b"iata,name\nFR,Ryanair\nLH,\"".chain(repeat(b'x'));
        let key = Key::new(["iata"], "");
        let bounds = Bounds::new(&kiwi_host::Limits::default());
        let problem = super::read(BufReader::new(text), &key, bounds, |_, _, _| Ok(())).unwrap_err().to_string();
        assert!(problem.starts_with("line 3: the row is longer than a value may be (1.0 MiB)"), "{problem}");
    }
}
