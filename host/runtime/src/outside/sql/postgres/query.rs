//! One SELECT, proved to be one, and its rows.

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Portal, Statement, Transaction};

use super::failure::{failure, of_statement};
use super::kind::{Kind, Plan, type_name};
use super::value;
use crate::failure::Failure;
use crate::outside::sql::param::Param;
use crate::outside::sql::rows::{Batch, Column, Fetch, RowWriter};
use crate::outside::sql::target::invalid;

type BoxError = Box<dyn std::error::Error + Sync + Send>;

/// A result that is being read.
pub(super) struct Open {
    portal: Portal,
    kinds: Vec<Kind>,
    writer: RowWriter,
}

/// Prepares one SELECT, and binds it to its parameters.
///
/// # Errors
/// It is no single SELECT, or does not fit its parameters (`InvalidSettings`); what the server says.
pub(super) async fn open(
    transaction: &Transaction<'_>,
    text: &str,
    params: Vec<Param>,
) -> Result<(Vec<Column>, Open), Failure> {
    let statement = prove(transaction, text).await?;
    if statement.params().len() != params.len() {
        return Err(invalid(format!(
            "the query has {} placeholders (`$1`, ...), but there are {} parameters",
            statement.params().len(),
            params.len()
        )));
    }
    let columns = statement.columns().iter();
    let columns: Vec<Column> =
        columns.map(|column| Column { name: column.name().to_owned(), type_name: type_name(column.type_()) }).collect();
    let Plan { statement: rewritten, kinds } = Plan::of(text, statement.columns());
    let statement = match rewritten {
        Some(text) => transaction.prepare(&text).await.map_err(|error| of_statement(&error))?,
        None => statement,
    };
    let params: Vec<AsText> = params.into_iter().map(AsText).collect();
    let portal = transaction.bind_raw(&statement, params).await;
    let portal = portal.map_err(|error| failure(&error))?;
    Ok((columns.clone(), Open { portal, kinds, writer: RowWriter::new(columns) }))
}

/// Proves that a text is one SELECT: alone, and in parentheses, where the server takes nothing else. (Neither is enough: the
/// text may be a COPY, or close the parentheses itself.)
async fn prove(transaction: &Transaction<'_>, text: &str) -> Result<Statement, Failure> {
    let statement = transaction.prepare(text).await.map_err(|error| of_statement(&error))?;
    let proof = transaction.prepare(&format!("SELECT FROM ({text}\n) AS q")).await;
    proof.map_err(|error| {
        let said = of_statement(&error);
        match error.as_db_error() {
            Some(_) => Failure {
                message: format!(
                    "expected one SELECT that only reads, as it can stand in parentheses: {}",
                    said.message
                ),
                ..said
            },
            None => said,
        }
    })?;
    Ok(statement)
}

impl Open {
    /// The next rows.
    ///
    /// # Errors
    /// What the server says; a value cannot be written; a key is none.
    pub(super) async fn fetch(&mut self, transaction: &Transaction<'_>, fetch: &Fetch) -> Result<Batch, Failure> {
        loop {
            let rows = self.writer.rows_to_fill().min(fetch.rows - self.writer.len());
            let wanted = i32::try_from(rows).unwrap_or(i32::MAX);
            let stream = transaction.query_portal_raw(&self.portal, wanted).await.map_err(|error| failure(&error))?;
            let mut stream = std::pin::pin!(stream);
            let mut read = 0;
            while let Some(row) = stream.try_next().await.map_err(|error| failure(&error))? {
                read += 1;
                let kinds = &self.kinds;
                self.writer.row(fetch, |out, place| match row.try_get::<_, Option<Raw<'_>>>(place) {
                    Ok(Some(Raw(raw))) => value::write(out, kinds[place], raw, fetch.separator),
                    Ok(None) => {
                        out.extend_from_slice(b"null");
                        Ok(())
                    }
                    Err(error) => Err(error.to_string()),
                })?;
            }
            // Fewer than were asked for: the server has no more.
            if read < wanted {
                return self.writer.batch(true);
            }
            if self.writer.is_full(fetch) {
                return self.writer.batch(false);
            }
        }
    }
}

/// The bytes of a value of any type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A parameter as text, which the server reads as whatever type it expects there.
#[derive(Debug)]
struct AsText(Param);

impl ToSql for AsText {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let text = match &self.0 {
            Param::Null => return Ok(IsNull::Yes),
            Param::Boolean(value) => value.to_string(),
            Param::Integer(value) => value.to_string(),
            Param::Float(value) => value.to_string(),
            Param::Text(value) => value.clone(),
            Param::Bytes(value) => value.iter().fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
