//! What a database refuses because of a name, with names that it has.

use kiwi_loader::Error;
use kiwi_loader::sql::{self, Connection};
use serde::Deserialize;

use crate::statement::Table;

/// How similar a name must be to be suggested (Jaro-Winkler).
const MIN_SIMILARITY: f64 = 0.8;

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
            match tables(database).ok().as_deref().and_then(|tables| nearest(name, tables.iter().map(String::as_str))) {
                Some(near) => error.context(format_args!("`table`: did you mean `{near}` for `{}`?", table.shown())),
                None => error,
            }
        }
    }
}

/// Says that there is no such column.
pub(crate) fn no_column<'a>(setting: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("`{setting}`: there is no column `{name}`: did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = known.collect();
            format!("`{setting}`: there is no column `{name}`: expected one of `{}`", known.join("`, `"))
        }
    }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let similarity = |known: &&str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let nearest = known.max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    (similarity(&nearest) > MIN_SIMILARITY).then(|| nearest.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_it_is_near() {
        let known = ["currency_rates", "kiwi_airlines"];
        assert_eq!(nearest("Currency_rate", known.into_iter()).as_deref(), Some("currency_rates"));
        assert_eq!(nearest("prices", known.into_iter()), None);
        let said = no_column("key", "x", known.into_iter());
        assert_eq!(said, "`key`: there is no column `x`: expected one of `currency_rates`, `kiwi_airlines`");
    }
}
