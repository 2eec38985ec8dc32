//! NDJSON: a JSON object on each line.

use std::io::BufRead;

use kiwi_loader::{Error, Json};

use crate::row::Fields;

/// The entries of the lines. Empty lines are skipped, but counted.
pub(crate) fn lines(mut text: impl BufRead, fields: Fields) -> impl Iterator<Item = Result<(String, Json), Error>> {
    let mut number = 0_u64;
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            match text.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(entry(line.trim_ascii(), &fields, number)),
                Err(error) => return Some(Err(Error::from(error).context(format_args!("line {number}")))),
            }
        }
    })
}

fn entry(line: &[u8], fields: &Fields, number: u64) -> Result<(String, Json), Error> {
    let place = format_args!("line {number}").to_string();
    match std::str::from_utf8(line) {
        Ok(row) => fields.entry(row.to_owned(), place),
        Err(_) => Err(Error::other(format_args!("{place} is not UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static [u8]) -> Vec<Result<(String, String), String>> {
        let fields = Fields { key: "id".into(), columns: None };
        let entries = lines(text, fields);
        entries.map(|e| e.map(|(key, Json(value))| (key, value)).map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn a_line_is_an_entry() {
        let entries = read(b"{\"id\": 1, \"n\": 2.50}\r\n\n  {\"id\": \"b\"}");
        assert_eq!(
            entries,
            [Ok(("1".into(), "{\"id\": 1, \"n\": 2.50}".into())), Ok(("b".into(), "{\"id\": \"b\"}".into())),]
        );
    }

    #[test]
    fn the_error_for_a_bad_line_has_its_number() {
        let entries = read(b"{\"id\": 1}\n\n{\"id\":\n{\"id\": \"\xff\"}\n");
        assert!(entries[1].as_ref().unwrap_err().starts_with("line 3: EOF while parsing"), "{entries:?}");
        assert_eq!(entries[2].as_ref().unwrap_err(), "line 4 is not UTF-8");
    }
}
