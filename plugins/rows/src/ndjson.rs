//! NDJSON: a JSON object on each line.

use std::io::BufRead;

use kiwi_loader::Error;
use kiwi_rows::Lines;

use crate::entries::{Next, Rows};
use crate::failed::failed_in_line;
use crate::selection::Selection;

impl<R: BufRead> Rows for Lines<R> {
    fn next(&mut self, selection: &mut Selection) -> Result<Next, Error> {
        match Lines::next(self).map_err(failed_in_line)? {
            Some(line) => Ok(Next::Row(selection.object(line.text.to_owned(), line.number)?)),
            None => Ok(Next::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::Json;
    use kiwi_loader::testing::json;

    use crate::Format;
    use crate::testing::{owned, read_bytes};

    fn of(text: &'static [u8], settings: serde_json::Value) -> Vec<Result<(String, String), String>> {
        let entries = read_bytes(&[("", Format::Ndjson, text)], settings).unwrap();
        entries.map(|e| e.map(|(key, Json(value))| (key, value)).map_err(|error| error.to_string())).collect()
    }

    fn all(text: &'static [u8], settings: serde_json::Value) -> Vec<(String, String)> {
        of(text, settings).into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn a_line_is_an_entry() {
        let entries = all(b"{\"id\": 1, \"n\": 2.50}\r\n\n  {\"id\": \"b\"}", json!({ "key": "id" }));
        assert_eq!(entries, owned(&[("1", "{\"id\": 1, \"n\": 2.50}"), ("b", "{\"id\": \"b\"}")]));
    }

    #[test]
    fn columns_are_picked_in_their_order_and_keep_their_digits() {
        let text = br#"{"id": 7, "n": 1.10, "x\u0020y": "a\"b", "z": null}"#;
        let picked = all(text, json!({ "key": "id", "columns": ["x y", "n"] }));
        assert_eq!(picked, owned(&[("7", r#"{"x y":"a\"b","n":1.10}"#)]));
        assert_eq!(all(text, json!({ "key": "id", "columns": [] })), owned(&[("7", "{}")]));
    }

    #[test]
    fn the_error_for_a_bad_line_has_its_number() {
        let message = |text| of(text, json!({ "key": "id" })).pop().unwrap().unwrap_err();
        assert!(message(b"{\"id\": 1}\n\n{\"id\":\n").starts_with("line 3: EOF while parsing"));
        assert_eq!(message(b"{\"id\": \"\xff\"}\n"), "line 1: byte 9 of the row is not UTF-8");
        let missing = message(b"{\"id\": 1}\n{\"ib\": 2}\n");
        assert!(missing.starts_with("line 2: there is no field `id`, which is the key (there is `ib`)"), "{missing}");
        assert!(missing.ends_with("`on_missing_key = \"skip\"` leaves out rows without a key"), "{missing}");
    }
}
