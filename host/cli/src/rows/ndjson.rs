//! NDJSON: a JSON object on each line.

use std::io::BufRead;

use kiwi_rows::Lines;

use super::bounds::Bounds;
use super::problem::{Problem, Result};
use super::row::{Rows, Wrong};

/// Passes on the entry of each line.
pub(super) fn read(
    text: impl BufRead,
    mut rows: Rows,
    bounds: Bounds,
    mut entry: impl FnMut(u64, &str, &str) -> Result<()>,
) -> Result<()> {
    let mut lines = Lines::new(text, bounds.row);
    while let Some(line) = lines.next().map_err(|error| bounds.problem(error))? {
        let taken = rows.entry(line.text);
        let (key, value) = taken.map_err(|wrong| Problem::at(line.number, explain(&wrong, line.has_ended)))?;
        entry(line.number, key, value)?;
    }
    Ok(())
}

fn explain(wrong: &Wrong, has_ended: bool) -> String {
    match wrong {
        Wrong::CutOff if has_ended => "the row is cut off: expected a whole JSON object on each line; if this is one \
                                       JSON document, add `--input-format json`"
            .to_owned(),
        Wrong::CutOff => {
            "the input is cut off in the middle of a row: its producer has probably failed; run it again".to_owned()
        }
        Wrong::NoPair(why) => format!(
            "{why}: expected `{{\"key\": ..., \"value\": ...}}`; if the rows are the values, say which member is the \
             key, with `--key FIELD`; if this is one object whose names are the keys, add `--input-format json`"
        ),
        Wrong::Other(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use kiwi_rows::Key;

    use super::*;

    fn read(text: &[u8], keys: &[&str]) -> std::result::Result<Vec<(u64, String, String)>, String> {
        let key = Key::new(keys, ":");
        let mut entries = Vec::new();
        let bounds = Bounds::new(&kiwi_host::Limits { value_bytes: 100, ..kiwi_host::Limits::default() });
        let read = super::read(text, Rows::new(key), bounds, |line, key, value| {
            entries.push((line, key.to_owned(), value.to_owned()));
            Ok(())
        });
        read.map(|()| entries).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_line_is_an_entry_and_keeps_its_text() {
        let text = b"{\"key\": \"FR\", \"value\": {\"n\" : 1.10}}\r\n\n  {\"value\":1e400,\"key\":7.50}";
        let entries = [(1, "FR".to_owned(), "{\"n\" : 1.10}".to_owned()), (3, "7.50".to_owned(), "1e400".to_owned())];
        assert_eq!(read(text, &[]).unwrap(), entries);
        let rows = [(1, "b".to_owned(), r#"{ "id": "b", "n": 2.50 }"#.to_owned())];
        assert_eq!(read(b"\t{ \"id\": \"b\", \"n\": 2.50 } \n", &["id"]).unwrap(), rows);
        assert_eq!(read(b"\n \n", &[]).unwrap(), []);
    }

    #[test]
    fn the_error_for_a_bad_line_has_its_number_and_what_to_do() {
        let message = |text: &[u8]| read(text, &[]).unwrap_err();
        let good = "{\"key\": 1, \"value\": 2}\n\n";
        assert!(message(format!("{good}{{\"key\": 2, \"val").as_bytes()).starts_with("line 3: the input is cut off"));
        let cut = message(b"{\n\"FR\": 1\n}\n");
        assert!(cut.starts_with("line 1: the row is cut off") && cut.contains("--input-format json"), "{cut}");
        let object = message(b"{\"FR\": 1, \"LH\": 2}\n");
        assert!(object.starts_with("line 1: unknown field `FR`") && object.contains("`--key FIELD`"), "{object}");
        assert!(message(b"{\"key\": 1, \"value\": 2, \"more\": 3}\n").contains("unknown field `more`"));
        assert!(message(b"{\"key\": 1, \"key\": 2, \"value\": 3}\n").contains("duplicate field `key`"));
        assert!(message(b"{\"key\": 1}\n").contains("missing field `value`"));
        let latin = message(b"{\"key\": 1, \"value\": \"\xe9\"}\n");
        assert!(latin.starts_with("line 1: byte 22 of the row is not UTF-8"), "{latin}");
        assert_eq!(
            message(b"{\"key\": 1,, \"value\": 2}\n"),
            "line 1: not valid JSON: key must be a string (column 11)"
        );
        assert!(message(b"{\"key\": 1, \"value\": 2} {}\n").contains("trailing characters (column 24)"));
        assert!(message(b"[1]\n").starts_with("line 1: the row is not a JSON object: expected"));
    }

    #[test]
    fn a_line_without_an_end_is_not_collected() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let key = Key::new([""; 0], "");
        let bounds = Bounds::new(&kiwi_host::Limits::default());
        let problem = super::read(endless, Rows::new(key), bounds, |_, _, _| Ok(())).unwrap_err().to_string();
        assert!(problem.starts_with("line 1: the row is longer than a value may be (1.0 MiB)"), "{problem}");
    }
}
