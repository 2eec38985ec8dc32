//! Loads a table of a database, or the rows of a query: each row is an entry.
//!
//! The rows go from the database to the store without passing through here. Its mark is the moment of the database
//! where that tells all changes, or the result of a query of the operator's.

mod mark;
mod near;
mod one_or_many;
mod statement;

use kiwi_loader::sql::{self, Connection, Emitted, Param, Rows};
use kiwi_loader::{Description, Error, Grant, Load, SettingValue, Settings};
use serde_json::Value;

use mark::Mark;
use one_or_many::OneOrMany;
use statement::{Source, Statement};

#[derive(Settings)]
struct Settings {
    /// The name of the database in `[connections]`.
    connection: String,
    /// The table or view: `rates`, or `shop.rates` in another schema. A name with a dot or a quote in it stands in double
    /// quotes: `"my.table"`.
    table: Option<String>,
    /// The column whose text is the key, or an array of columns.
    key: OneOrMany,
    /// What stands between the columns of a key.
    #[setting(default = ":")]
    key_separator: String,
    /// The columns of a value; not set: all. Those of the key are always among them.
    columns: Option<Vec<String>>,
    /// Which rows: a condition in the database's own SQL, such as `active AND country = $1`.
    #[serde(rename = "where")]
    condition: Option<String>,
    /// The values of the placeholders in `where` or `query`: `$1`, `$2` (PostgreSQL) or `?` (MySQL, MariaDB, SQLite).
    #[serde(default)]
    params: Vec<Value>,
    /// The column to order by, or an array of columns; each may end with ` desc`. Hosts compare faster if the order stays.
    order_by: Option<OneOrMany>,
    /// A whole SELECT, in place of `table`, `columns`, `where` and `order_by`.
    query: Option<String>,
    /// How to see that nothing has changed: a SELECT whose result then stays the same, such as `SELECT max(updated_at),
    /// count(*) FROM rates`; or `moment`, the database's own (PostgreSQL 13 and newer); or `none`. Not set: `moment` for a
    /// whole table of PostgreSQL.
    mark: Option<String>,
    #[setting(default = "iso")]
    datetimes: Datetimes,
}

/// How a date with a time is written: as ISO 8601 does (`2026-01-31T10:11:12`), or with a space, as Python's `str` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
enum Datetimes {
    Iso,
    Python,
}

fn load_from_source(settings: Settings) -> Result<Load<Emitted>, Error> {
    let source = Source::new(&settings)?;
    let database = sql::open(&settings.connection)?;
    let mark = Mark::new(settings.mark.as_deref(), &source);
    let now = mark.now(&database, &source)?;
    if now.is_some() && now == kiwi_loader::mark::published() {
        return Ok(Load::Unchanged);
    }
    let separator = match settings.datetimes {
        Datetimes::Iso => 'T',
        Datetimes::Python => ' ',
    };
    let rows = rows(&database, &source, &settings)?.datetime_separator(separator);
    if let Some(now) = now {
        kiwi_loader::mark::set(&now);
    }
    let key = settings.key.into_vec();
    Ok(Load::Entries(rows.emit_joined(key, &settings.key_separator)?))
}

fn rows(database: &Connection, source: &Source, settings: &Settings) -> Result<Rows, Error> {
    let statement = source.statement(|name| database.quote(name));
    let params = settings.params.iter().map(param).collect::<Result<Vec<Param>, Error>>()?;
    let rows = match (database.query(&statement, params), source) {
        (Err(error), Source::Table(table)) if error.is_other() => {
            return Err(near::explain(database, table, error));
        }
        (rows, _) => rows?,
    };
    let columns = rows.columns();
    for key in settings.key.iter() {
        if !columns.iter().any(|column| column.name == *key) {
            let known = columns.iter().map(|column| column.name.as_str());
            // It may be there again in a moment, as a table may.
            return Err(Error::other(near::no_column("key", key, known)));
        }
    }
    Ok(rows)
}

/// A value of `params` as the database takes it.
fn param(value: &Value) -> Result<Param, Error> {
    Ok(match value {
        Value::Null => Param::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.to_string().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(_) | Value::Object(_) => {
            return Err(Error::invalid_settings(
                "`params`: expected texts, numbers and booleans, found a list or table",
            ));
        }
    })
}

fn describe() -> Description {
    Description::new("The rows of a table or of a query, from PostgreSQL, MySQL, MariaDB or SQLite.")
        .settings::<Settings>()
        .grants_for(|settings: Settings| [Grant::connection(&settings.connection, "to read the table")])
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests {
    use kiwi_loader::testing::{Host, json};

    use super::*;

    const WHOLE: &str = "SELECT * FROM \"rates\"";

    fn rates() -> Value {
        json!([{ "currency": "EUR", "course": 1 }, { "currency": "USD", "course": 1.1 }])
    }

    #[test]
    fn a_table_is_a_map_of_its_rows() {
        let settings = json!({ "connection": "shop", "table": "rates", "key": "currency", "mark": "none" });
        let host = Host::new().settings(settings).rows("shop", WHOLE, rates());
        let map = host.load(load_from_source).unwrap().into_entries().unwrap();
        assert_eq!(map["USD"], json!({ "currency": "USD", "course": 1.1 }));
        assert_eq!(map.len(), 2);
        assert_eq!(host.mark(), None);
    }

    #[test]
    fn a_standby_that_has_no_moment_now_is_loaded_whole() {
        let settings = json!({ "connection": "shop", "table": "rates", "key": "currency", "mark": "moment" });
        let host = Host::new().settings(settings).rows("shop", WHOLE, rates());
        assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap().len(), 2);
        assert_eq!(host.mark(), None);
    }

    #[test]
    fn a_table_whose_mark_stands_is_not_read() {
        let mark = "SELECT max(day) FROM rates";
        let settings = json!({ "connection": "shop", "table": "rates", "key": "currency", "mark": mark });
        let host = Host::new().settings(settings).rows("shop", WHOLE, rates());
        let host = host.rows("shop", mark, json!([{ "max": "2026-11-26" }]));
        assert!(!host.load(load_from_source).unwrap().is_unchanged());
        assert!(host.load(load_from_source).unwrap().is_unchanged());
        let queries: Vec<String> = host.queries().into_iter().map(|query| query.statement).collect();
        assert_eq!(queries, [mark, WHOLE, mark]);
        let host = host.rows("shop", mark, json!([{ "max": "2026-11-27" }]));
        assert!(!host.load(load_from_source).unwrap().is_unchanged());
    }

    #[test]
    fn parameters_keep_their_kind() {
        let settings = json!({
            "connection": "shop", "query": "SELECT ..", "key": ["a", "b"], "key_separator": "/",
            "params": ["FR", 7, 1.50, true, null],
        });
        let host = Host::new().settings(settings).rows("shop", "SELECT ..", json!([{ "a": 1, "b": "x" }]));
        assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap().keys().next().unwrap(), "1/x");
        assert_eq!(host.queries()[0].params, ["FR".into(), 7.into(), "1.5".into(), true.into(), Param::Null]);
    }

    #[test]
    fn a_key_that_is_no_column_names_near_ones() {
        let settings = json!({ "connection": "shop", "table": "rates", "key": "curency", "mark": "none" });
        let host = Host::new().settings(settings).rows("shop", WHOLE, rates());
        let error = host.load(load_from_source).unwrap_err();
        assert!(error.is_other());
        assert_eq!(error.to_string(), "`key`: there is no column `curency`: did you mean `currency`?");
    }

    #[test]
    fn the_operator_sees_the_grant() {
        let settings = json!({ "connection": "shop", "table": "rates", "key": "currency" });
        let described = Host::new().settings(settings).run(describe);
        let expected =
            Description::new("The rows of a table or of a query, from PostgreSQL, MySQL, MariaDB or SQLite.")
                .settings::<Settings>()
                .grant(Grant::connection("shop", "to read the table"));
        assert_eq!(described, expected);
    }
}
