//! How a load sees that nothing has changed.

use kiwi_loader::sql::{self, Connection};
use kiwi_loader::{Error, log};
use serde::Deserialize;

use crate::statement::{Source, Table};

/// Which mark a load leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark<'s> {
    None,
    /// The database's moment, which changes with every transaction that wrote.
    Moment,
    /// The same, if the table's rows depend on nothing else.
    MomentIfSafe,
    /// The rows of a query.
    Query(&'s str),
}

impl<'s> Mark<'s> {
    /// What the setting says. A condition or a query may depend on the time, or on another database.
    pub(crate) fn new(setting: Option<&'s str>, source: &Source) -> Self {
        match (setting, source) {
            (Some("none"), _) => Self::None,
            (Some("moment"), _) => Self::Moment,
            (Some(query), _) => Self::Query(query),
            (None, Source::Table(Table { condition: None, .. })) => Self::MomentIfSafe,
            (None, _) => Self::None,
        }
    }

    /// The mark of this moment. `None`: there is none, and everything is to be loaded.
    pub(crate) fn now(&self, database: &Connection, source: &Source) -> Result<Option<String>, Error> {
        Ok(match (self, source) {
            (Self::None, _) => None,
            (Self::Moment, _) => match database.moment()? {
                Some(moment) => Some(format!("moment {moment}")),
                // A standby has one only while no transaction is under way.
                None if database.dialect() == "postgres" => {
                    log::info!("this PostgreSQL has no moment now: everything is loaded");
                    None
                }
                None => {
                    return Err(Error::invalid_settings(
                        "`mark`: this database has no moment (only PostgreSQL 13 and newer has one): give a query, such as \
                         `SELECT max(updated_at), count(*) FROM ..`, or remove `mark`",
                    ));
                }
            },
            (Self::MomentIfSafe, Source::Table(table)) => {
                let Some(moment) = database.moment()? else { return Ok(None) };
                let mark = format!("moment {moment}");
                // What was safe a moment ago is safe now: nothing was written since.
                let is_known = kiwi_loader::mark::published().is_some_and(|published| published == mark);
                (is_known || is_safe(database, table)?).then_some(mark)
            }
            (Self::MomentIfSafe, Source::Query(_)) => None,
            (Self::Query(query), _) => {
                let rows = database.query(query, sql::NONE).map_err(|error| error.context("`mark`"))?;
                let mut mark = "query".to_owned();
                for row in rows {
                    mark.push(' ');
                    mark.push_str(row?.json());
                    if mark.len() > MAX_BYTES {
                        return Err(Error::invalid_settings(format_args!(
                            "`mark`: the result has more than {MAX_BYTES} bytes: expected a few values, such as the last \
                             change and the number of rows"
                        )));
                    }
                }
                Some(mark)
            }
        })
    }
}

/// The longest result: a mark may have 4 KiB.
const MAX_BYTES: usize = 4000;

/// Whether a table of PostgreSQL has all its rows in itself: not a view, whose functions may know the time; nor a foreign
/// table, or one with such a part; nor an unlogged one, which a crash empties; nor one with policies for rows.
fn is_safe(database: &Connection, table: &Table) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Safe {
        safe: bool,
    }
    const SAFE: &str = "SELECT count(*) > 0 AND bool_and(c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND NOT \
                        c.relrowsecurity AND NOT c.relhassubclass) AS safe FROM pg_class c WHERE c.oid = to_regclass($1)";
    let name = table.quoted(|part| database.quote(part));
    let row = database.query(SAFE, [name])?.next();
    Ok(match row {
        Some(row) => row?.get::<Option<Safe>>()?.is_some_and(|Safe { safe }| safe),
        None => false,
    })
}
