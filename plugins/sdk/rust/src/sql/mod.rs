//! Databases that the operator named under `[connections]` and granted to the cache. A loader knows their names, never
//! an address or a password, and can only read.
//!
//! ```no_run
//! use kiwi_loader::{Error, sql};
//!
//! fn load_from_source() -> Result<sql::Emitted, Error> {
//!     let shop = sql::open("shop")?;
//!     shop.query("SELECT currency, course FROM currency_rates WHERE day = $1", ["2026-11-26"])?.emit(["currency"])
//! }
//!
//! kiwi_loader::loader!(load_from_source, "The rates of one day.");
//! ```
//!
//! [`Rows::emit`] is the fast way: the rows go from the database to the store, and not through the loader. A loader
//! that looks at its rows reads them one by one:
//!
//! ```no_run
//! use kiwi_loader::{Error, sql};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Rate {
//!     currency: String,
//!     course: f64,
//! }
//!
//! fn load_from_source() -> Result<impl Iterator<Item = Result<(String, f64), Error>>, Error> {
//!     let rows = sql::open("shop")?.query("SELECT currency, course FROM currency_rates", sql::NONE)?;
//!     Ok(rows.map(|row| {
//!         let rate: Rate = row?.get()?;
//!         Ok((rate.currency, 1.0 / rate.course))
//!     }))
//! }
//! ```

mod param;
mod rows;

pub use param::{NONE, Param};
pub use rows::{Column, Emitted, Row, Rows};

use crate::Error;
use crate::host::sql as contract;

/// Connects to a database by its name in `[connections]`.
///
/// # Errors
/// The cache has no grant for it ([denied](crate::ErrorKind::Denied)); it cannot be reached, or refuses
/// ([unavailable](crate::ErrorKind::Unavailable)).
pub fn open(name: &str) -> Result<Connection, Error> {
    contract::open(name).map(Connection).map_err(Error::from_contract)
}

/// A connection, held until it is dropped. All that it reads is of one moment: the database as it was at the first
/// query. One result can be open at a time.
pub struct Connection(contract::Connection);

impl Connection {
    /// `postgres`, `mysql` (MariaDB too) or `sqlite`. Others may follow.
    pub fn dialect(&self) -> String {
        self.0.dialect()
    }

    /// An identifier, quoted as this database wants it.
    pub fn quote(&self, identifier: &str) -> String {
        self.0.quote(identifier)
    }

    /// A text that identifies this moment, if the database has one at no cost: while it is the same, so is all data in
    /// tables. `None`: use a query of your own as the [mark](crate::mark).
    ///
    /// # Errors
    /// The database is away.
    pub fn moment(&self) -> Result<Option<String>, Error> {
        self.0.moment().map_err(Error::from_contract)
    }

    /// Prepares one SELECT (or VALUES, or WITH .. SELECT), and waits for its columns. Its placeholders are `$1`, `$2`
    /// (postgres) or `?` (mysql, sqlite).
    ///
    /// # Errors
    /// It is not a single query, or its parameters do not fit
    /// ([invalid settings](crate::ErrorKind::InvalidSettings)); the database is away or too busy
    /// ([unavailable](crate::ErrorKind::Unavailable)); [other](crate::ErrorKind::Other) for anything else that the
    /// database says, such as that there is no such table.
    pub fn query<P: Into<Param>>(&self, statement: &str, params: impl IntoIterator<Item = P>) -> Result<Rows, Error> {
        let params: Vec<contract::Param> = params.into_iter().map(|param| param.into().into_contract()).collect();
        self.0.query(statement, &params).map(Rows::new).map_err(Error::from_contract)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
