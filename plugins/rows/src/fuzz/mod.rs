//! Fuzzing: whatever a text is, and in whatever chunks it arrives, its rows are those that serde_json and csv find in
//! the whole text.
//!
//! Under `cargo test` each target gets thousands of random inputs. `cargo xtask fuzz` searches on.

mod oracle;
mod text;

use std::io::{BufReader, Cursor};

use kiwi_loader::Json;

use crate::{Format, Shape, ShapeSettings};
use oracle::Rows;

/// How many inputs `cargo test` makes.
const ITERATIONS: usize = 10_000;

/// What was read: the rows before the first error, and the error.
#[derive(Debug, PartialEq)]
struct Read {
    rows: Rows,
    error: Option<String>,
}

fn read(text: &[u8], chunk: usize, format: Format, settings: &ShapeSettings) -> Read {
    let text = BufReader::with_capacity(chunk, Cursor::new(text.to_vec()));
    let mut rows = Rows::new();
    let entries = Shape::new(format, settings.clone()).and_then(|shape| crate::entries(text, shape));
    let error = entries.and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let (key, Json(value)) = entry?;
            rows.push((key, value));
            Ok(())
        })
    });
    Read { rows, error: error.err().map(|error| error.to_string()) }
}

/// Reads in chunks and as a whole, and compares both with what is expected: `None` is a text that is not valid.
///
/// A reader finds where a value ends, and leaves checking it to the host. So a text that is not valid may also be read
/// to its end, if one of the values cannot be parsed.
fn check(text: &[u8], chunk: usize, format: Format, settings: &ShapeSettings, expected: Option<Rows>) {
    let whole = read(text, text.len().max(8), format, settings);
    let shown = String::from_utf8_lossy(text);
    assert_eq!(read(text, chunk, format, settings), whole, "{format:?} in chunks of {chunk}: {shown}\n{settings:?}");
    let is_refused = whole.error.is_some() || !whole.rows.iter().all(|(_, value)| oracle::is_json(value));
    match expected {
        Some(expected) => assert_eq!(whole, Read { rows: expected, error: None }, "{format:?}: {shown}\n{settings:?}"),
        // What stands after the rows is only searched for the end of the document.
        None if settings.pointer.is_some() && !oracle::is_document(text) => {}
        None => assert!(is_refused, "{format:?}, which is not valid: {shown}\n{settings:?}\n{whole:?}"),
    }
}

/// The first bytes choose the shape and the size of the chunks, the rest is the text.
#[test]
fn rows() {
    bolero::check!().with_iterations(ITERATIONS).with_max_len(200).for_each(|input: &[u8]| {
        let [shape, chunk, pointer, rest @ ..] = input else { return };
        let chunk = 1 + usize::from(*chunk) % 40;
        let text = if shape & 1 == 0 { text::of_pieces(rest) } else { text::valid_json(rest) };
        let columns = (shape & 2 != 0).then(|| vec!["n".to_owned(), "id".to_owned()]);
        let key = Some("id".to_owned());
        let settings = ShapeSettings { columns, ..ShapeSettings::default() };
        match shape >> 2 & 3 {
            0 => {
                let settings = ShapeSettings { pointer: text::pointer(*pointer), ..settings };
                check(&text, chunk, Format::Json, &settings, oracle::members(&text, &settings));
            }
            1 => {
                let settings = ShapeSettings { key, pointer: text::pointer(*pointer), ..settings };
                check(&text, chunk, Format::Json, &settings, oracle::elements(&text, &settings));
            }
            2 => {
                let settings = ShapeSettings { key, ..settings };
                check(&text, chunk, Format::Ndjson, &settings, oracle::lines(&text, &settings));
            }
            // csv drops a second byte order mark, but only if it arrives in one piece.
            _ if text.starts_with("\u{feff}\u{feff}".as_bytes()) => {}
            _ => {
                let settings = ShapeSettings { key, delimiter: if shape & 16 == 0 { ',' } else { ';' }, ..settings };
                check(&text, chunk, Format::Csv, &settings, oracle::table(&text, &settings));
            }
        }
    });
}
