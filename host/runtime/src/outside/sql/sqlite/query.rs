//! One SELECT, proved to be one, and its rows.

use rusqlite::types::{Null, ValueRef};
use rusqlite::{Connection, Rows, Statement};

use super::failure::{failure, of_statement};
use crate::failure::Failure;
use crate::outside::sql::json;
use crate::outside::sql::param::Param;
use crate::outside::sql::rows::{Batch, Column, Fetch, RowWriter};
use crate::outside::sql::target::invalid;

/// Prepares one SELECT, with its parameters.
///
/// # Errors
/// It is no single SELECT, or does not fit its parameters (`InvalidSettings`); what SQLite says.
pub(super) fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    params: &[Param],
) -> Result<(Vec<Column>, Statement<'c>), Failure> {
    let mut statement = connection.prepare(text).map_err(|error| of_statement(&error))?;
    // In parentheses: no PRAGMA or EXPLAIN, whose rows are no data.
    connection.prepare(&format!("SELECT * FROM ({text}\n)")).map_err(|error| {
        let failure = of_statement(&error);
        let message =
            format!("expected one SELECT that only reads, as it can stand in parentheses: {}", failure.message);
        Failure { message, ..failure }
    })?;
    if statement.parameter_count() != params.len() {
        return Err(invalid(format!(
            "the query has {} placeholders (`?`), but there are {} parameters",
            statement.parameter_count(),
            params.len()
        )));
    }
    for (place, param) in (1..).zip(params) {
        let bound = match param {
            Param::Null => statement.raw_bind_parameter(place, Null),
            Param::Boolean(value) => statement.raw_bind_parameter(place, value),
            Param::Integer(value) => statement.raw_bind_parameter(place, value),
            Param::Float(value) => statement.raw_bind_parameter(place, value),
            Param::Text(value) => statement.raw_bind_parameter(place, value),
            Param::Bytes(value) => statement.raw_bind_parameter(place, value),
        };
        bound.map_err(|error| failure(&error))?;
    }
    let columns = statement.columns();
    let column = |column: rusqlite::Column<'_>| Column {
        name: column.name().to_owned(),
        type_name: column.decl_type().unwrap_or_default().to_owned(),
    };
    let columns = columns.into_iter().map(column).collect();
    Ok((columns, statement))
}

/// Reads the next rows.
///
/// # Errors
/// What SQLite says; a value cannot be written; a key is none.
pub(super) fn fetch(rows: &mut Rows<'_>, writer: &mut RowWriter, fetch: &Fetch) -> Result<Batch, Failure> {
    while !writer.is_full(fetch) {
        let Some(row) = rows.next().map_err(|error| failure(&error))? else { return writer.batch(true) };
        writer.row(fetch, |out, place| match row.get_ref(place) {
            Ok(value) => write(out, value),
            Err(error) => Err(error.to_string()),
        })?;
    }
    writer.batch(false)
}

fn write(out: &mut Vec<u8>, value: ValueRef<'_>) -> Result<(), String> {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Integer(number) => json::integer(out, number),
        ValueRef::Real(number) => json::float(out, number),
        ValueRef::Text(text) => json::text(out, text)?,
        ValueRef::Blob(bytes) => json::base64(out, bytes),
    }
    Ok(())
}
