//! Fuzzing: whatever a text is, and in whatever chunks it arrives, its rows are those that serde_json and csv find in
//! the whole text.
//!
//! Under `cargo test` each target gets thousands of random inputs. `cargo xtask fuzz` searches on.

mod oracle;
mod text;

use std::io::{BufReader, Cursor};

use kiwi_loader::testing::json;
use kiwi_loader::{Error, Json};

use crate::testing::settings;
use crate::{Format, Text};
use oracle::Rows;

/// How many inputs `cargo test` makes.
const ITERATIONS: usize = 10_000;

/// What is done with the rows. The keys are in `id`, or in `id` and `n`.
#[derive(Debug, Default)]
struct Case {
    has_key: bool,
    has_long_key: bool,
    skips: bool,
    /// Only rows whose `n` is the text `FR` or true.
    filters: bool,
    columns: Option<Vec<String>>,
    pointer: Option<String>,
    has_semicolons: bool,
}

/// What was read: the rows before the first error, and the error.
#[derive(Debug, PartialEq)]
struct Read {
    rows: Rows,
    error: Option<String>,
}

fn read(text: &[u8], chunk: usize, format: Format, case: &Case) -> Read {
    let key = if case.has_long_key { json!(["id", "n"]) } else { json!("id") };
    let mut given = json!({ "delimiter": if case.has_semicolons { ";" } else { "," } });
    for (is_set, name, value) in [
        (case.has_key, "key", key),
        (case.skips, "on_missing_key", json!("skip")),
        (case.filters, "filter", json!({ "n": ["FR", true] })),
        (case.columns.is_some(), "columns", json!(case.columns)),
        (case.pointer.is_some(), "pointer", json!(case.pointer)),
    ] {
        if is_set {
            given[name] = value;
        }
    }
    let body = Box::new(BufReader::with_capacity(chunk, Cursor::new(text.to_vec())));
    let mut text = Some(Text { name: String::new(), format, body });
    let mut rows = Rows::new();
    let error = crate::entries(settings(given), move |_| Ok(text.take())).and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let (key, Json(value)) = entry?;
            rows.push((key, value));
            Ok::<(), Error>(())
        })
    });
    Read { rows, error: error.err().map(|error| error.to_string()) }
}

/// Reads in chunks and as a whole, and compares both with what is expected: `None` is a text that is not valid.
///
/// A reader finds where a value ends, and leaves checking it to the host. So a text that is not valid may also be read
/// to its end, if one of the values cannot be parsed.
fn check(text: &[u8], chunk: usize, format: Format, case: &Case, expected: Option<Rows>) {
    let whole = read(text, text.len().max(8), format, case);
    let shown = String::from_utf8_lossy(text);
    assert_eq!(read(text, chunk, format, case), whole, "{format:?} in chunks of {chunk}: {shown}\n{case:?}");
    let is_refused = whole.error.is_some() || !whole.rows.iter().all(|(_, value)| oracle::is_json(value));
    match expected {
        Some(expected) => assert_eq!(whole, Read { rows: expected, error: None }, "{format:?}: {shown}\n{case:?}"),
        // What stands after the rows is only searched for the end of the document.
        None if case.pointer.is_some() && !oracle::is_document(text) => {}
        None => assert!(is_refused, "{format:?}, which is not valid: {shown}\n{case:?}\n{whole:?}"),
    }
}

/// The first bytes choose the shape, what is done with the rows, and the size of the chunks; the rest is the text.
#[test]
fn rows() {
    bolero::check!().with_iterations(ITERATIONS).with_max_len(200).for_each(|input: &[u8]| {
        let [shape, choices, chunk, pointer, rest @ ..] = input else { return };
        let chunk = 1 + usize::from(*chunk) % 40;
        let text = if shape & 1 == 0 { text::of_pieces(rest) } else { text::valid_json(rest) };
        let has_key = shape >> 2 & 3 != 0;
        let case = Case {
            has_key,
            has_long_key: has_key && choices & 3 == 0,
            skips: has_key && choices & 4 != 0,
            filters: choices & 24 == 0,
            columns: (shape & 2 != 0).then(|| vec!["n".to_owned(), "id".to_owned()]),
            ..Case::default()
        };
        match shape >> 2 & 3 {
            0 | 1 => {
                let case = Case { pointer: text::pointer(*pointer), ..case };
                check(&text, chunk, Format::Json, &case, oracle::document(&text, &case));
            }
            2 => check(&text, chunk, Format::Ndjson, &case, oracle::lines(&text, &case)),
            // csv drops a second byte order mark, but only if it arrives in one piece.
            _ if text.starts_with("\u{feff}\u{feff}".as_bytes()) => {}
            _ => {
                let case = Case { has_semicolons: shape & 16 != 0, ..case };
                check(&text, chunk, Format::Csv, &case, oracle::table(&text, &case));
            }
        }
    });
}
