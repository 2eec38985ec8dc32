//! Entries of one text after the other, each read when it is asked for.

use std::io::{BufRead, Cursor, Read};

use kiwi_loader::{Error, Json};
use kiwi_rows::Lines;

use crate::csv::Records;
use crate::format::Format;
use crate::json::Document;
use crate::selection::Selection;
use crate::settings::RowSettings;

/// Entries, each read from its text when it is asked for.
pub type Entries = Box<dyn Iterator<Item = Result<(String, Json), Error>>>;

/// One of the texts of a load.
pub struct Text {
    /// What errors call it; empty where it is the only one.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// Its bytes.
    pub body: Box<dyn BufRead>,
}

/// The rows of one text.
pub(crate) trait Rows {
    /// Reads one row, and makes an entry of it.
    fn next(&mut self, selection: &mut Selection) -> Result<Next, Error>;
}

/// What came next in a text.
pub(crate) enum Next {
    /// A row, and its entry unless the row is left out.
    Row(Option<(String, Json)>),
    End,
}

/// The entries of all texts. `next_text` gives one after the other, and is told how many rows the one before had,
/// those included that were left out.
pub fn entries(
    settings: RowSettings,
    next_text: impl FnMut(u64) -> Result<Option<Text>, Error> + 'static,
) -> Result<Entries, Error> {
    let mut reading = Reading { selection: Selection::new(settings)?, next_text, rows: None, count: 0 };
    let mut has_ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if has_ended {
            return None;
        }
        let next = reading.next().transpose();
        // After an error the place in the text is unknown.
        has_ended = !matches!(next, Some(Ok(_)));
        next
    })))
}

struct Reading<F> {
    selection: Selection,
    next_text: F,
    rows: Option<Box<dyn Rows>>,
    /// How many rows the text has had.
    count: u64,
}

impl<F: FnMut(u64) -> Result<Option<Text>, Error>> Reading<F> {
    fn next(&mut self) -> Result<Option<(String, Json)>, Error> {
        loop {
            let Some(rows) = &mut self.rows else {
                let Some(text) = (self.next_text)(self.count)? else {
                    self.selection.finish()?;
                    return Ok(None);
                };
                self.count = 0;
                self.rows = Some(self.open(text)?);
                continue;
            };
            match rows.next(&mut self.selection).map_err(|error| self.selection.places.in_text(error))? {
                Next::Row(entry) => {
                    self.count += 1;
                    if entry.is_some() {
                        return Ok(entry);
                    }
                }
                Next::End => self.rows = None,
            }
        }
    }

    fn open(&mut self, Text { name, format, body }: Text) -> Result<Box<dyn Rows>, Error> {
        self.selection.begin(name, format)?;
        open(body, format, &self.selection).map_err(|error| self.selection.places.in_text(error))
    }
}

fn open(body: Box<dyn BufRead>, format: Format, selection: &Selection) -> Result<Box<dyn Rows>, Error> {
    let text = without_byte_order_mark(body)?;
    Ok(match format {
        Format::Json => Box::new(Document::open(text, selection)?),
        Format::Ndjson => Box::new(Lines::new(text, usize::MAX)),
        Format::Csv => Box::new(Records::open(text, selection)?),
    })
}

/// Windows writes one, and JSON parsers do not accept it. Its bytes may arrive one by one.
fn without_byte_order_mark(mut text: impl BufRead) -> Result<impl BufRead, Error> {
    let mark = "\u{feff}".as_bytes();
    let mut start = Vec::new();
    text.by_ref().take(mark.len() as u64).read_to_end(&mut start)?;
    if start == mark {
        start.clear();
    }
    Ok(Cursor::new(start).chain(text))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use kiwi_loader::testing::{Host, json};
    use serde_json::Value;

    use super::*;
    use crate::testing::{owned, read, settings};

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_row() {
        for chunk in 1..5 {
            let body = Box::new(BufReader::with_capacity(chunk, "\u{feff}{\"FR\": 1}".as_bytes()));
            let mut text = Some(Text { name: String::new(), format: Format::Json, body });
            let entries = entries(settings(json!({})), move |_| Ok(text.take())).unwrap();
            let entries: Vec<_> = entries.map(Result::unwrap).collect();
            assert_eq!(entries, [("FR".to_owned(), Json("1".to_owned()))], "in chunks of {chunk}");
        }
    }

    const CSV: (&str, Format, &str) = ("a.csv", Format::Csv, "id,n\nA,1\n,2\n");
    const LINES: (&str, Format, &str) = ("b.ndjson", Format::Ndjson, "{\"id\": \"B\"}\n\n{\"n\": 3}\n{\"id\": null}\n");

    #[test]
    fn rows_without_a_key_are_skipped_and_reported_once() {
        let host = Host::new();
        let skipping = json!({ "key": "id", "on_missing_key": "skip" });
        let entries = host.run(|| read(&[CSV, LINES], skipping.clone())).unwrap();
        assert_eq!(entries, owned(&[("A", r#"{"id":"A","n":"1"}"#), ("B", r#"{"id": "B"}"#)]));
        let [line] = &host.log()[..] else { panic!("{:?}", host.log()) };
        let expected = "3 rows without a key were skipped; the first: a.csv, line 3: the key `id` is empty";
        assert_eq!(line.message, expected);

        let host = Host::new();
        host.run(|| read(&[("", Format::Ndjson, "{\"id\": 1}\n")], skipping)).unwrap();
        assert_eq!(host.log(), []);
    }

    #[test]
    fn a_repeated_key_is_told_by_both_places() {
        let again = ("c.csv", Format::Csv, "id\nC\nB\n");
        let host = Host::new();
        let settings = json!({ "key": "id", "on_missing_key": "skip" });
        let error = host.run(|| read(&[CSV, LINES, again], settings)).unwrap_err().to_string();
        assert!(error.starts_with("c.csv: line 3: the key `B` is also in line 1 of b.ndjson: "), "{error}");
    }

    #[test]
    fn a_text_with_other_columns_is_named() {
        let other = ("c.csv", Format::Csv, "code\nC\n");
        let error = read(&[("a.csv", Format::Csv, "id\nA\n"), other], json!({ "key": "id" })).unwrap_err();
        assert_eq!(error.to_string(), "c.csv: `key`: the header has no column `id` (there is `code`)");
    }

    #[test]
    fn fields_may_be_in_the_rows_of_any_text() {
        let texts = [("a", Format::Ndjson, "{\"id\": 1, \"x\": 1}"), ("b", Format::Ndjson, "{\"id\": 2, \"y\": 2}")];
        let of = |settings: Value| read(&texts, settings);
        assert_eq!(of(json!({ "key": "id", "columns": ["x", "y"] })).unwrap().len(), 2);
        for settings in [
            json!({ "key": "id", "columns": ["x", "xx"] }),
            json!({ "key": "id", "filter": { "xx": 1 } }),
            json!({ "key": "xx", "on_missing_key": "skip" }),
        ] {
            let error = of(settings).unwrap_err();
            assert!(error.is_invalid_settings(), "{error:?}");
            assert!(error.to_string().contains("no row has a field `xx` (did you mean `x`?)"), "{error}");
        }
    }

    #[test]
    fn the_next_text_depends_on_the_rows_of_the_one_before() {
        let mut counts = Vec::new();
        let mut texts = ["[{\"id\": 1}, {\"id\": null}]", "[]", ""].into_iter();
        let settings = settings(json!({ "key": "id", "on_missing_key": "skip" }));
        let (sender, receiver) = std::sync::mpsc::channel();
        let entries = entries(settings, move |count| {
            sender.send(count).unwrap();
            let text = |body: &'static str| Text {
                name: "page".into(),
                format: Format::Json,
                body: Box::new(body.as_bytes()),
            };
            Ok(texts.next().filter(|body| !body.is_empty()).map(text))
        });
        assert_eq!(entries.unwrap().count(), 1);
        counts.extend(receiver.iter());
        assert_eq!(counts, [0, 2, 0]);
    }
}
