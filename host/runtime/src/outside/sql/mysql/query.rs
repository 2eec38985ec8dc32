//! One SELECT, proved to be one, and its rows.

use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Conn, Params, QueryResult, Statement, Value};

use super::failure::{failure, of_statement};
use super::value::{self, Kind, type_name};
use crate::failure::Failure;
use crate::outside::sql::param::Param;
use crate::outside::sql::rows::{Batch, Column, Fetch, RowWriter};
use crate::outside::sql::target::invalid;

/// Prepares one SELECT.
///
/// # Errors
/// It is no single SELECT, or does not fit its parameters (`InvalidSettings`); what the server says.
pub(super) async fn prepare(
    connection: &mut Conn,
    text: &str,
    params: Vec<Param>,
) -> Result<(Vec<Column>, Prepared), Failure> {
    let statement = connection.prep(text).await.map_err(|error| of_statement(&error))?;
    // In parentheses the server takes nothing but a SELECT: not even one with INTO.
    let proof = connection.prep(format!("SELECT 1 FROM ({text}\n) AS q")).await.map_err(|error| {
        let failure = of_statement(&error);
        let message =
            format!("expected one SELECT that only reads, as it can stand in parentheses: {}", failure.message);
        Failure { message, ..failure }
    })?;
    connection.close(proof).await.map_err(|error| failure(&error))?;
    if usize::from(statement.num_params()) != params.len() {
        return Err(invalid(format!(
            "the query has {} placeholders (`?`), but there are {} parameters",
            statement.num_params(),
            params.len()
        )));
    }
    let column =
        |column: &mysql_async::Column| Column { name: column.name_str().into_owned(), type_name: type_name(column) };
    let columns = statement.columns().iter().map(column).collect();
    let kinds = statement.columns().iter().map(Kind::of).collect();
    Ok((columns, Prepared { statement, kinds, params: params.into_iter().map(as_value).collect() }))
}

/// A statement that is ready to run.
pub(super) struct Prepared {
    statement: Statement,
    kinds: Vec<Kind>,
    params: Vec<Value>,
}

impl Prepared {
    /// Runs it.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn run<'c>(&self, connection: &'c mut Conn) -> Result<Running<'c>, Failure> {
        let params = match self.params.is_empty() {
            true => Params::Empty,
            false => Params::Positional(self.params.clone()),
        };
        connection.exec_iter(&self.statement, params).await.map_err(|error| failure(&error))
    }

    /// Reads the next rows.
    ///
    /// # Errors
    /// What the server says; a value cannot be written; a key is none.
    pub(super) async fn fetch(
        &self,
        rows: &mut Running<'_>,
        writer: &mut RowWriter,
        fetch: &Fetch,
    ) -> Result<Batch, Failure> {
        while !writer.is_full(fetch) {
            let Some(row) = rows.next().await.map_err(|error| failure(&error))? else { return writer.batch(true) };
            writer.row(fetch, |out, place| {
                let value = row.as_ref(place).unwrap_or(&Value::NULL);
                value::write(out, self.kinds[place], value, fetch.separator)
            })?;
        }
        writer.batch(false)
    }

    /// Forgets it.
    pub(super) async fn close(self, connection: &mut Conn) {
        // If this fails, the next question says so.
        let _ = connection.close(self.statement).await;
    }
}

/// Rows that the server sends while they are read.
pub(super) type Running<'c> = QueryResult<'c, 'static, BinaryProtocol>;

fn as_value(param: Param) -> Value {
    match param {
        Param::Null => Value::NULL,
        Param::Boolean(value) => Value::Int(value.into()),
        Param::Integer(value) => Value::Int(value),
        Param::Float(value) => Value::Double(value),
        Param::Text(value) => Value::Bytes(value.into_bytes()),
        Param::Bytes(value) => Value::Bytes(value),
    }
}
