//! The statement that the settings describe.

use kiwi_loader::Error;

use crate::Settings;

/// Where the rows come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Table(Table),
    /// A statement of the operator's.
    Query(String),
}

/// A table, and what is taken of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name, after those of its database and schema, if they are given.
    pub(crate) name: Vec<String>,
    /// `None`: all.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) condition: Option<String>,
    order_by: Vec<Order>,
}

#[derive(Debug, PartialEq, Eq)]
struct Order {
    column: String,
    descending: bool,
}

/// A source as a statement, its identifiers quoted by the database.
pub(crate) trait Statement {
    fn statement(&self, quote: impl Fn(&str) -> String) -> String;
}

impl Source {
    /// Settings that contradict each other are an error.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        if settings.key.iter().next().is_none() {
            return Err(Error::invalid_settings("`key` is empty: say which column of a row is its key"));
        }
        let of_table = [
            ("columns", settings.columns.is_some()),
            ("where", settings.condition.is_some()),
            ("order_by", settings.order_by.is_some()),
        ];
        match (&settings.table, &settings.query) {
            (Some(_), Some(_)) => Err(Error::invalid_settings("expected `table` or `query`, found both")),
            (None, None) => {
                Err(Error::invalid_settings("`table` is missing: say which table to load, or give a `query`"))
            }
            (None, Some(query)) => match of_table.iter().find(|(_, is_set)| *is_set) {
                Some((name, _)) => {
                    Err(Error::invalid_settings(format_args!("`{name}` has no effect beside `query`: put it there")))
                }
                None => Ok(Self::Query(query.clone())),
            },
            (Some(table), None) => Ok(Self::Table(Table {
                name: parse_name(table)?,
                columns: columns(settings),
                condition: settings.condition.clone(),
                order_by: settings.order_by.iter().flat_map(|columns| columns.iter()).map(|text| order(text)).collect(),
            })),
        }
    }
}

/// The columns of the key first, where they are not among the others.
fn columns(settings: &Settings) -> Option<Vec<String>> {
    let columns = settings.columns.as_ref()?;
    let keys = settings.key.iter().filter(|key| !columns.contains(key));
    Some(keys.chain(columns).cloned().collect())
}

fn order(text: &str) -> Order {
    match text.rsplit_once(' ') {
        Some((column, direction)) if direction.eq_ignore_ascii_case("desc") => {
            Order { column: column.trim_end().to_owned(), descending: true }
        }
        Some((column, direction)) if direction.eq_ignore_ascii_case("asc") => {
            Order { column: column.trim_end().to_owned(), descending: false }
        }
        _ => Order { column: text.to_owned(), descending: false },
    }
}

/// `rates`, `shop.rates`, `"my.schema".rates`; a quote within quotes is doubled.
fn parse_name(text: &str) -> Result<Vec<String>, Error> {
    let invalid = || {
        Error::invalid_settings(format_args!(
            "`table`: `{text}` is not a name: expected e.g. `rates`, `shop.rates` or `\"my.schema\".rates`"
        ))
    };
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(char) = chars.next() {
        let part = parts.last_mut().ok_or_else(invalid)?;
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.push('"');
            }
            '"' if is_quoted => {
                is_quoted = false;
                if !matches!(chars.peek(), None | Some('.')) {
                    return Err(invalid());
                }
            }
            '"' if part.is_empty() => is_quoted = true,
            '"' => return Err(invalid()),
            '.' if !is_quoted => parts.push(String::new()),
            _ => part.push(char),
        }
    }
    match !is_quoted && parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()) {
        true => Ok(parts),
        false => Err(invalid()),
    }
}

impl Statement for Source {
    fn statement(&self, quote: impl Fn(&str) -> String) -> String {
        match self {
            Self::Query(query) => query.clone(),
            Self::Table(table) => table.statement(quote),
        }
    }
}

impl Statement for Table {
    fn statement(&self, quote: impl Fn(&str) -> String) -> String {
        let columns = match &self.columns {
            Some(columns) => columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", "),
            None => "*".to_owned(),
        };
        let mut statement = format!("SELECT {columns} FROM {}", self.quoted(&quote));
        if let Some(condition) = &self.condition {
            // A comment in it ends with the line.
            statement += &format!(" WHERE ({condition}\n)");
        }
        let order = |Order { column, descending }: &Order| {
            format!("{}{}", quote(column), if *descending { " DESC" } else { "" })
        };
        if !self.order_by.is_empty() {
            statement += &format!(" ORDER BY {}", self.order_by.iter().map(order).collect::<Vec<_>>().join(", "));
        }
        statement
    }
}

impl Table {
    /// The name, as it stands in a statement.
    pub(crate) fn quoted(&self, quote: impl Fn(&str) -> String) -> String {
        self.name.iter().map(|part| quote(part)).collect::<Vec<_>>().join(".")
    }

    /// The name, as the operator writes it.
    pub(crate) fn shown(&self) -> String {
        self.name.join(".")
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::testing::json;
    use serde_json::Value;

    use super::*;

    fn source(mut settings: Value) -> Result<Source, Error> {
        settings["connection"] = json!("main");
        let settings: Settings = serde_json::from_value(settings).map_err(Error::from)?;
        Source::new(&settings)
    }

    fn statement(settings: Value) -> String {
        source(settings).unwrap().statement(|name| format!("`{}`", name.replace('`', "``")))
    }

    #[test]
    fn identifiers_are_quoted_by_the_database() {
        assert_eq!(statement(json!({ "table": "rates", "key": "code" })), "SELECT * FROM `rates`");
        let hostile = json!({ "table": "a`; DROP TABLE b", "key": "x`y", "columns": ["z\" --"] });
        assert_eq!(statement(hostile), "SELECT `x``y`, `z\" --` FROM `a``; DROP TABLE b`");
        let all = json!({
            "table": "\"my.s\"\"chema\".rates", "key": ["code", "day"], "columns": ["course", "day"],
            "where": "active -- only", "order_by": ["day desc", "code"],
        });
        let expected = "SELECT `code`, `course`, `day` FROM `my.s\"chema`.`rates` WHERE (active -- only\n) \
                        ORDER BY `day` DESC, `code`";
        assert_eq!(statement(all), expected);
        assert_eq!(statement(json!({ "query": "SELECT 1 AS a", "key": "a" })), "SELECT 1 AS a");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (settings, says) in [
            (json!({ "key": "a" }), "`table` is missing"),
            (json!({ "key": "a", "table": "t", "query": "q" }), "found both"),
            (json!({ "key": "a", "query": "q", "where": "x" }), "`where` has no effect beside `query`"),
            (json!({ "key": [], "table": "t" }), "`key` is empty"),
            (json!({ "key": "a", "table": "a..b" }), "is not a name"),
            (json!({ "key": "a", "table": "\"a" }), "is not a name"),
            (json!({ "key": "a", "table": "\"a\"b" }), "is not a name"),
            (json!({ "key": "a", "table": "a.b.c.d" }), "is not a name"),
        ] {
            let error = source(settings).unwrap_err();
            assert!(error.is_invalid_settings() && error.to_string().contains(says), "{error:?}");
        }
    }
}
