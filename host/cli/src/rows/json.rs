//! One JSON document: an object whose names are the keys, or an array of rows.

use std::io::BufRead;

use kiwi_rows::{Key, Scanner};

use super::bounds::Bounds;
use super::problem::{Problem, Result, of_json};
use super::row::{Rows, Wrong};

/// Passes on each entry of the document.
pub(super) fn read(
    text: impl BufRead,
    key: Key,
    bounds: Bounds,
    mut entry: impl FnMut(u64, &str, &str) -> Result<()>,
) -> Result<()> {
    let has_key = !key.fields.is_empty();
    let (mut scanner, mut rows) = (Scanner::bounded(text, bounds.row, bounds.name), Rows::new(key));
    let in_text = |error| bounds.problem(error);
    let is_object = scanner.enter().map_err(in_text)? == b'{';
    if is_object && has_key {
        let message = "`--key` is for rows, and this is one object, whose names are the keys: remove `--key`, or give an \
                       array of rows, or a row on each line with `--input-format ndjson`";
        return Err(Problem::at(scanner.line(), message));
    }
    let (mut name, mut value) = (Vec::new(), Vec::new());
    while scanner.has_next().map_err(in_text)? {
        let line = scanner.line();
        if !is_object {
            scanner.value(&mut value).map_err(in_text)?;
            let (key, value) = rows.entry(utf8(&value, line)?).map_err(|wrong| Problem::at(line, explain(&wrong)))?;
            entry(line, key, value)?;
            continue;
        }
        scanner.name(&mut name).map_err(in_text)?;
        let key: String = serde_json::from_str(utf8(&name, line)?)
            .map_err(|error| Problem::at(line, format_args!("the name is not valid JSON: {}", of_json(&error))))?;
        scanner.value(&mut value).map_err(in_text)?;
        entry(line, &key, utf8(&value, line)?)?;
    }
    scanner.finish().map_err(in_text)
}

fn utf8(text: &[u8], line: u64) -> Result<&str> {
    std::str::from_utf8(text).map_err(|_| Problem::at(line, "the row is not UTF-8: write the document as UTF-8"))
}

fn explain(wrong: &Wrong) -> String {
    match wrong {
        // The scanner has found its end: a bracket of another kind closes it.
        Wrong::CutOff => "the row is not valid JSON: a bracket or a brace does not match".to_owned(),
        Wrong::NoPair(why) => format!(
            "{why}: expected `{{\"key\": ..., \"value\": ...}}`; if the rows are the values, say which member is the \
             key, with `--key FIELD`"
        ),
        Wrong::Other(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, keys: &[&str]) -> std::result::Result<Vec<(u64, String, String)>, String> {
        let key = Key::new(keys, ":");
        let mut entries = Vec::new();
        let read = super::read(text.as_bytes(), key, Bounds::new(&kiwi_host::Limits::default()), |line, key, value| {
            entries.push((line, key.to_owned(), value.to_owned()));
            Ok(())
        });
        read.map(|()| entries).map_err(|problem| problem.to_string())
    }

    fn owned(entries: &[(u64, &str, &str)]) -> Vec<(u64, String, String)> {
        entries.iter().map(|(line, key, value)| (*line, key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_object_is_keys_and_values() {
        let text = "{ \"FR\": { \"n\" : 1.10 },\n\"LH\": [1180591620717411303424, -0.0, 1E+400],\n\n\"\\u00e9\":\n\"\\\"\\n\" }\n";
        let entries =
            [(1, "FR", r#"{"n":1.10}"#), (2, "LH", "[1180591620717411303424,-0.0,1E+400]"), (4, "é", r#""\"\n""#)];
        assert_eq!(read(text, &[]).unwrap(), owned(&entries));
        assert_eq!(read("{}", &[]).unwrap(), []);
    }

    #[test]
    fn an_array_is_rows() {
        let rows = "[\n{\"id\": \"FR\", \"n\": 1.10},\n {\"n\": 2, \"id\": 7}\n]";
        let entries = [(2, "FR", r#"{"id":"FR","n":1.10}"#), (3, "7", r#"{"n":2,"id":7}"#)];
        assert_eq!(read(rows, &["id"]).unwrap(), owned(&entries));
        assert_eq!(read(r#"[{"key": "FR", "value": null}]"#, &[]).unwrap(), owned(&[(1, "FR", "null")]));
        assert_eq!(read("[]", &["id"]).unwrap(), []);
    }

    #[test]
    fn the_error_for_a_bad_document_has_its_line() {
        let object = read("{\"FR\": 1}", &["id"]).unwrap_err();
        assert!(object.starts_with("line 1: `--key` is for rows"), "{object}");
        assert!(read("[\n{\"FR\": 1}]", &[]).unwrap_err().starts_with("line 2: unknown field `FR`"));
        assert!(read("[\n{\"id\": [1}]]", &["id"]).unwrap_err().starts_with("line 2: not valid JSON: "));
        assert!(
            read("{\"a\": 1,\n\"\\ud800\": 1}", &[]).unwrap_err().starts_with("line 2: the name is not valid JSON")
        );
        assert!(read("[{\"id\": 1},\n{\"id\":", &["id"]).unwrap_err().starts_with("line 2: the document is cut off"));
    }
}
