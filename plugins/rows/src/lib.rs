//! Reads entries from JSON, NDJSON and CSV, one row at a time: what the loaders `file` and `http` have in common.
//!
//! A row is parsed only as far as its key requires, and numbers keep the digits that they are written with. No more than
//! one row is in memory at a time.

mod csv;
mod json;
mod ndjson;
mod pointer;
mod row;
mod scan;
mod shape;

use std::io::BufRead;

use kiwi_loader::{Error, Json};

pub use shape::{Format, Shape, ShapeSettings};

/// Entries, each read from the text when it is asked for.
pub type Entries = Box<dyn Iterator<Item = Result<(String, Json), Error>>>;

/// Reads the entries of a text of this shape.
pub fn entries(mut text: impl BufRead + 'static, shape: Shape) -> Result<Entries, Error> {
    skip_byte_order_mark(&mut text)?;
    Ok(match shape {
        Shape::Object { pointer, columns } => Box::new(json::members(text, pointer, columns)?),
        Shape::Array { pointer, fields } => Box::new(json::elements(text, pointer, fields)?),
        Shape::Lines { fields } => Box::new(ndjson::lines(text, fields)),
        Shape::Table { fields, delimiter } => Box::new(csv::records(text, fields, delimiter)?),
    })
}

/// Windows writes one, and JSON parsers do not accept it.
fn skip_byte_order_mark(text: &mut impl BufRead) -> Result<(), Error> {
    let mark = "\u{feff}".as_bytes();
    if text.fill_buf()?.starts_with(mark) {
        text.consume(mark.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_row() {
        let shape = Shape::new(Format::Json, ShapeSettings::default()).unwrap();
        let entries = entries("\u{feff}{\"FR\": 1}".as_bytes(), shape).unwrap();
        let entries: Vec<_> = entries.map(Result::unwrap).collect();
        assert_eq!(entries, [("FR".to_owned(), Json("1".to_owned()))]);
    }
}
