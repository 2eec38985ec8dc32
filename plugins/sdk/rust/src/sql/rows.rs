//! The rows of a query.

use std::iter;

use serde::de::DeserializeOwned;

use crate::host::sql as contract;
use crate::{Error, Json};

/// How many rows to ask for at a time.
const BATCH: u32 = 1_000;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name in the database. Names may repeat until rows are read.
    pub name: String,
    /// Its type in the database's own words, such as `numeric` or `int4[]`; empty if it has none.
    pub type_name: String,
}

/// The rows of one query, as an iterator, or to be [emitted](Self::emit).
pub struct Rows {
    rows: contract::Rows,
    batch: std::vec::IntoIter<String>,
    has_ended: bool,
}

/// One row: a JSON object, with the columns in order. Numbers have all their digits; dates, times and what JSON has no
/// type for are text; bytes are base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(String);

/// Rows that were emitted, as what a loader returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a loader returns it"]
pub struct Emitted {
    /// How many rows.
    pub rows: u64,
}

impl Rows {
    pub(super) fn new(rows: contract::Rows) -> Self {
        Self { rows, batch: Vec::new().into_iter(), has_ended: false }
    }

    /// The columns, in order.
    pub fn columns(&self) -> Vec<Column> {
        let columns = self.rows.columns().into_iter();
        columns.map(|contract::Column { name, type_name }| Column { name, type_name }).collect()
    }

    /// Sets what stands between a date and a time: `T` by default; a space is what Python's `str` writes.
    #[must_use]
    pub fn datetime_separator(self, separator: char) -> Self {
        self.rows.datetime_separator(separator);
        self
    }

    /// Emits all rows that are left. The key is the text of this column; the value is the row. A key that is NULL, empty
    /// or repeated fails the load.
    ///
    /// # Errors
    /// As a read of the rows; or there is no such column
    /// ([invalid settings](crate::ErrorKind::InvalidSettings)). The load has failed then, whatever the loader does.
    pub fn emit<K: Into<String>>(self, key: impl IntoIterator<Item = K>) -> Result<Emitted, Error> {
        self.emit_joined(key, ":")
    }

    /// As [`emit`](Self::emit), with this between the columns of the key.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_joined<K: Into<String>>(
        self,
        key: impl IntoIterator<Item = K>,
        separator: &str,
    ) -> Result<Emitted, Error> {
        let key: Vec<String> = key.into_iter().map(Into::into).collect();
        let rows = self.rows.emit(&key, separator).map_err(Error::from_contract)?;
        Ok(Emitted { rows })
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.batch.next() {
            return Some(Ok(Row(row)));
        }
        if self.has_ended {
            return None;
        }
        match self.rows.next(BATCH) {
            Ok(batch) => {
                self.has_ended = batch.is_empty();
                self.batch = batch.into_iter();
                self.batch.next().map(|row| Ok(Row(row)))
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(Error::from_contract(error)))
            }
        }
    }
}

impl Row {
    /// The row as a type of yours, whose fields are named as the columns.
    ///
    /// # Errors
    /// The columns do not fit the type.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(|error| Error::from(error).context("a row does not fit"))
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The row as a value to publish, each digit kept.
    #[must_use]
    pub fn into_json(self) -> Json {
        Json(self.0)
    }
}

impl IntoIterator for Emitted {
    type Item = (String, Json);
    type IntoIter = iter::Empty<(String, Json)>;

    /// Nothing is left to publish.
    fn into_iter(self) -> Self::IntoIter {
        iter::empty()
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}
