//! Rows on their way to a loader: JSON objects, and the keys of their entries.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::json;
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// A batch has about this many bytes: enough that a round trip counts for little, and few enough to be held several
/// times.
const BATCH_BYTES: usize = 256 << 10;
/// No database has more in one result.
const MAX_COLUMNS: usize = 4096;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type as the database spells it; empty where it has none.
    pub(crate) type_name: String,
}

/// How the next rows are to be written.
#[derive(Clone, Debug)]
pub(super) struct Fetch {
    /// At most so many rows.
    pub(super) rows: usize,
    /// What stands between date and time.
    pub(super) separator: char,
    /// What the keys are made of, where they are asked for.
    pub(super) key: Option<Arc<KeyColumns>>,
}

/// The columns that make an entry's key, by their place, and what stands between them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyColumns {
    columns: Vec<usize>,
    separator: String,
}

impl KeyColumns {
    /// # Errors
    /// No column was named (`InvalidSettings`), or one that the result does not have (`Other`).
    pub(super) fn of(columns: &[Column], names: &[String], separator: String) -> Result<Self, Failure> {
        if names.is_empty() {
            let message = "no key column was given: expected at least one";
            return Err(Failure::new(FailureKind::InvalidSettings, message));
        }
        let place = |name: &String| {
            columns.iter().position(|column| column.name == *name).ok_or_else(|| {
                let known: Vec<_> = columns.iter().map(|column| printable::quoted(&column.name)).collect();
                // It may be there again in a moment, as a table may.
                let message = format!(
                    "the result has no column {}: expected one of {}",
                    printable::quoted(name),
                    printable::message(&known.join(", "))
                );
                Failure::new(FailureKind::Other, message)
            })
        };
        Ok(Self { columns: names.iter().map(place).collect::<Result<_, _>>()?, separator })
    }
}

/// Refuses a result that cannot be written as objects.
///
/// # Errors
/// It has too many columns, or two of one name.
pub(super) fn check_columns(columns: &[Column]) -> Result<(), Failure> {
    let invalid = |message| Err(Failure::new(FailureKind::InvalidSettings, message));
    if columns.len() > MAX_COLUMNS {
        return invalid(format!("the result has {} columns: expected at most {MAX_COLUMNS}", columns.len()));
    }
    let mut names = HashSet::new();
    match columns.iter().find(|column| !names.insert(&column.name)) {
        None => Ok(()),
        Some(Column { name, .. }) => invalid(format!(
            "two columns of the result are named {}: give one another name with `AS`, or leave it out",
            printable::quoted(name)
        )),
    }
}

/// Rows, each with its key if keys were asked for.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Row after row: the object, then the key.
    text: String,
    /// Where each object, and each key, ends.
    ends: Vec<(usize, usize)>,
    /// Whether no rows follow.
    pub(super) is_last: bool,
}

impl Batch {
    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of objects and keys.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The key (empty if keys were not asked for) and the object of each row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(object, key)| {
            let row = (&self.text[object..key], &self.text[start..object]);
            start = key;
            row
        })
    }
}

/// Writes the rows of one result, batch by batch.
pub(super) struct RowWriter {
    columns: Vec<Column>,
    /// What stands before each value: `{"name":` or `,"name":`.
    heads: Vec<Vec<u8>>,
    /// How many rows were written, in all batches.
    rows: u64,
    /// How many bytes a row had on average, in the last batch.
    row_bytes: usize,
    text: Vec<u8>,
    ends: Vec<(usize, usize)>,
    /// Where the values of the row under way stand.
    values: Vec<Range<usize>>,
}

impl RowWriter {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        let head = |(place, column): (usize, &Column)| {
            let mut head = vec![if place == 0 { b'{' } else { b',' }];
            json::string(&mut head, &column.name);
            head.push(b':');
            head
        };
        let heads = columns.iter().enumerate().map(head).collect();
        Self { columns, heads, rows: 0, row_bytes: 0, text: Vec::new(), ends: Vec::new(), values: Vec::new() }
    }

    /// Writes a row; `value` writes that of a column, by its place.
    ///
    /// # Errors
    /// A value cannot be written (`Other`); the key is NULL or empty (`InvalidEntry`). Which column and which row.
    pub(super) fn row(
        &mut self,
        fetch: &Fetch,
        mut value: impl FnMut(&mut Vec<u8>, usize) -> Result<(), String>,
    ) -> Result<(), Failure> {
        self.rows += 1;
        self.values.clear();
        for (place, head) in self.heads.iter().enumerate() {
            self.text.extend_from_slice(head);
            let start = self.text.len();
            value(&mut self.text, place).map_err(|message| {
                let column = printable::quoted(&self.columns[place].name);
                Failure::new(FailureKind::Other, format!("column {column} of row {}: {message}", self.rows))
            })?;
            self.values.push(start..self.text.len());
        }
        self.text.extend_from_slice(if self.heads.is_empty() { b"{}" } else { b"}" });
        let object = self.text.len();
        if let Some(key) = &fetch.key {
            self.key(key)?;
        }
        self.ends.push((object, self.text.len()));
        Ok(())
    }

    fn key(&mut self, key: &KeyColumns) -> Result<(), Failure> {
        let start = self.text.len();
        for (number, &place) in key.columns.iter().enumerate() {
            if number > 0 {
                self.text.extend_from_slice(key.separator.as_bytes());
            }
            let value = self.values[place].clone();
            match &self.text[value.clone()] {
                b"null" => return Err(self.no_key(place, "is NULL")),
                b"\"\"" => return Err(self.no_key(place, "is empty")),
                [b'"', text @ .., b'"'] if text.contains(&b'\\') => {
                    // What was written a moment ago can be read.
                    let text: String = serde_json::from_slice(&self.text[value]).unwrap_or_default();
                    self.text.extend_from_slice(text.as_bytes());
                }
                [b'"', .., b'"'] => self.text.extend_from_within(value.start + 1..value.end - 1),
                _ => self.text.extend_from_within(value),
            }
        }
        debug_assert!(self.text.len() > start, "a key is not empty");
        Ok(())
    }

    fn no_key(&self, place: usize, what: &str) -> Failure {
        let column = printable::quoted(&self.columns[place].name);
        let message = format!(
            "the key column {column} of row {} {what}: expected a value in every row; leave such rows out with a condition \
             (`{} IS NOT NULL`), or choose another key",
            self.rows,
            printable::message(&self.columns[place].name)
        );
        Failure::new(FailureKind::InvalidEntry, message)
    }

    /// How many rows of this batch there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the batch is large enough.
    pub(super) fn is_full(&self, fetch: &Fetch) -> bool {
        self.ends.len() >= fetch.rows || self.text.len() >= BATCH_BYTES
    }

    /// How many rows fill the batch, as far as those before tell.
    pub(super) fn rows_to_fill(&self) -> usize {
        const FIRST: usize = 100;
        const MOST: usize = 10_000;
        let row_bytes = if self.ends.is_empty() { self.row_bytes } else { self.text.len() / self.ends.len() };
        match row_bytes {
            0 => FIRST,
            row_bytes => (BATCH_BYTES.saturating_sub(self.text.len()) / row_bytes).clamp(1, MOST),
        }
    }

    /// The rows since the last batch.
    ///
    /// # Errors
    /// A database has sent JSON that is not UTF-8.
    pub(super) fn batch(&mut self, is_last: bool) -> Result<Batch, Failure> {
        self.row_bytes = self.text.len().checked_div(self.ends.len()).unwrap_or(self.row_bytes);
        let next = Vec::with_capacity(self.text.len().min(2 * BATCH_BYTES));
        let text = String::from_utf8(std::mem::replace(&mut self.text, next)).map_err(|_| {
            Failure::new(FailureKind::Other, "the database has sent JSON that is not valid UTF-8: correct it there")
        })?;
        let ends = std::mem::take(&mut self.ends);
        self.ends.reserve(ends.len());
        Ok(Batch { text, ends, is_last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| Column { name: (*name).to_owned(), type_name: String::new() }).collect()
    }

    fn write(names: &[&str], key: &[&str], rows: &[&[&str]]) -> Result<Vec<(String, String)>, Failure> {
        let columns = columns(names);
        check_columns(&columns)?;
        let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyColumns::of(&columns, &key, "|".to_owned())?;
        let fetch = Fetch { rows: 100, separator: 'T', key: Some(Arc::new(key)) };
        let mut writer = RowWriter::new(columns);
        for row in rows {
            writer.row(&fetch, |out, place| {
                out.extend_from_slice(row[place].as_bytes());
                Ok(())
            })?;
        }
        let batch = writer.batch(true)?;
        Ok(batch.iter().map(|(key, object)| (key.to_owned(), object.to_owned())).collect())
    }

    #[test]
    fn the_key_is_the_text_of_its_columns() {
        let rows: &[&[&str]] = &[&["\"a\\nb\"", "1.10"], &["\"FR\"", "true"], &["\"x\"", "\"2026-01-02\""]];
        let entries = write(&["c\"d", "n"], &["n", "c\"d"], rows).unwrap();
        assert_eq!(entries[0], ("1.10|a\nb".to_owned(), "{\"c\\\"d\":\"a\\nb\",\"n\":1.10}".to_owned()));
        assert_eq!(entries[1].0, "true|FR");
        assert_eq!(entries[2].0, "2026-01-02|x");
    }

    #[test]
    fn a_key_that_cannot_be_one_names_its_row() {
        for (value, says) in [("null", "is NULL"), ("\"\"", "is empty")] {
            let failure = write(&["k"], &["k"], &[&["1"], &[value]]).unwrap_err();
            assert_eq!(failure.kind, FailureKind::InvalidEntry);
            assert!(failure.message.starts_with(&format!("the key column `k` of row 2 {says}")), "{failure}");
        }
        let failure = write(&["k"], &["q"], &[]).unwrap_err();
        assert!(failure.message.contains("no column `q`: expected one of `k`"), "{failure}");
        assert!(write(&["k"], &[], &[]).unwrap_err().message.contains("no key column"));
        assert!(
            write(&["k", "k"], &["k"], &[]).unwrap_err().message.contains("two columns of the result are named `k`")
        );
    }
}
