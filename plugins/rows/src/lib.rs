//! Reads entries from JSON, NDJSON and CSV, one row at a time: what the loaders `file` and `http` have in common.
//!
//! A row is parsed only as far as its key requires, and numbers keep the digits that they are written with. No more than
//! one row is in memory at a time.

mod csv;
#[cfg(test)]
mod fuzz;
mod json;
mod ndjson;
mod pointer;
mod row;
mod scan;
mod shape;

use std::io::{BufRead, Cursor, Read};

use kiwi_loader::{Error, Json};

pub use shape::{Format, Shape, ShapeSettings};

/// Entries, each read from the text when it is asked for.
pub type Entries = Box<dyn Iterator<Item = Result<(String, Json), Error>>>;

/// Reads the entries of a text of this shape.
pub fn entries(text: impl BufRead + 'static, shape: Shape) -> Result<Entries, Error> {
    let text = without_byte_order_mark(text)?;
    Ok(match shape {
        Shape::Object { pointer, columns } => Box::new(json::members(text, pointer, columns)?),
        Shape::Array { pointer, fields } => Box::new(json::elements(text, pointer, fields)?),
        Shape::Lines { fields } => Box::new(ndjson::lines(text, fields)),
        Shape::Table { fields, delimiter } => Box::new(csv::records(text, fields, delimiter)?),
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

    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_row() {
        for chunk in 1..5 {
            let shape = Shape::new(Format::Json, ShapeSettings::default()).unwrap();
            let text = BufReader::with_capacity(chunk, "\u{feff}{\"FR\": 1}".as_bytes());
            let entries: Vec<_> = entries(text, shape).unwrap().map(Result::unwrap).collect();
            assert_eq!(entries, [("FR".to_owned(), Json("1".to_owned()))], "in chunks of {chunk}");
        }
    }
}
