//! What a database refuses because of a name, with names that it has.

use kiwi_loader::Error;
use kiwi_loader::sql::{self, Connection};
use kiwi_rows::near::hint;
use serde::Deserialize;

use crate::statement::Table;

/// Explains an error of the statement for a table. The kind stays: a table may be missing for a moment, while somebody
/// replaces it.
pub(crate) fn explain(database: &Connection, table: &Table, error: Error) -> Error {
    let whole = format!("SELECT * FROM {}", table.quoted(|part| database.quote(part)));
    match database.query(&whole, sql::NONE) {
        Ok(rows) => {
            let columns = rows.columns();
            let known = || columns.iter().map(|column| column.name.as_str());
            let missing = table.columns.iter().flatten().find(|column| !known().any(|name| name == *column));
            match missing {
                Some(missing) => error.context(no_column("columns", missing, known())),
                None => error,
            }
        }
        Err(_) => {
            let name = table.name.last().map(String::as_str).unwrap_or_default();
            match tables(database) {
                Ok(tables) => {
                    let hint = hint(name, tables.iter().map(String::as_str).filter(|known| *known != name));
                    error.context(format_args!("`table`: there is no `{}` that can be read: {hint}", table.shown()))
                }
                Err(_) => error,
            }
        }
    }
}

/// Says that there is no such column.
pub(crate) fn no_column<'a>(setting: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    format!("`{setting}`: there is no column `{name}`: {}", hint(name, known))
}

/// The tables that this user can see, as they may be written in `table`.
fn tables(database: &Connection) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    const MOST: usize = 1000;
    let statement = match database.dialect().as_str() {
        "postgres" => {
            "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS name \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') \
             AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
        }
        "sqlite" => "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')",
        _ => "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database()",
    };
    let rows = database.query(statement, sql::NONE)?;
    rows.take(MOST).map(|row| Ok(row?.get::<Row>()?.name)).collect()
}
