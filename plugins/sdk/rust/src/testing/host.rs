//! The stand-in that a test fills.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use super::state::{State, enter};
use super::{LogLine, Response, SentQuery, SentRequest, outcome};
use crate::{Error, Load, Loader, loader, log};

/// A stand-in for the host, which a test fills.
///
/// It checks what the host would refuse, too: keys that are empty or come twice, values that are not JSON, a mark that
/// is too long, [`Load::Unchanged`] where nothing is published.
///
/// ```
/// use kiwi_loader::testing::{Response, Host};
/// use kiwi_loader::{Error, Load, http, mark};
///
/// fn load_from_source() -> Result<Load<Vec<(String, u32)>>, Error> {
///     let response = http::get("https://example.com/stock").send()?.error_for_status()?;
///     let etag = response.header("etag");
///     if etag.is_some() && etag == mark::published() {
///         return Ok(Load::Unchanged);
///     }
///     if let Some(etag) = etag {
///         mark::set(&etag);
///     }
///     Ok(Load::Entries(response.json()?))
/// }
///
/// let stock = Response::json([("apples", 3)]).header("etag", "\"v1\"");
/// let host = Host::new().get("https://example.com/stock", stock);
///
/// assert_eq!(host.load(load_from_source)?.into_entries().unwrap()["apples"], 3);
/// assert_eq!(host.mark().as_deref(), Some("\"v1\""));
/// // The mark is published now, so the next load sees it.
/// assert!(host.load(load_from_source)?.is_unchanged());
/// assert_eq!(host.requests().len(), 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Host {
    state: Rc<RefCell<State>>,
}

impl Host {
    /// No settings, nothing published, no responses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the settings of the cache, for example by `json!({ "url": .. })`.
    ///
    /// # Panics
    /// They are not a table.
    #[must_use]
    pub fn settings(self, settings: impl Serialize) -> Self {
        let settings = serde_json::to_value(settings).expect("the settings are JSON");
        assert!(
            settings.is_object(),
            "the settings are not a table: expected e.g. `json!({{ \"url\": .. }})`, got {settings}"
        );
        self.state.borrow_mut().settings = Some(settings.to_string());
        self
    }

    /// Sets the mark that is published, as if an earlier load had left it.
    #[must_use]
    pub fn published(self, mark: &str) -> Self {
        self.state.borrow_mut().published_mark = Some(mark.to_owned());
        self
    }

    /// Registers the response to a `GET` of exactly this URL. Several responses to the same request are given in their
    /// order, and the last one again and again.
    #[must_use]
    pub fn get(self, url: &str, response: Response) -> Self {
        self.respond("GET", url, response)
    }

    /// Registers the response to a `POST` to exactly this URL, as [`get`](Self::get) does.
    #[must_use]
    pub fn post(self, url: &str, response: Response) -> Self {
        self.respond("POST", url, response)
    }

    /// Registers the response to any method, as [`get`](Self::get) does.
    #[must_use]
    pub fn respond(self, method: &str, url: &str, response: Response) -> Self {
        self.state.borrow_mut().register(method, url, response);
        self
    }

    /// Registers the rows of exactly this statement on a database: an array of objects. The database answers as PostgreSQL
    /// does to [`dialect`](crate::sql::Connection::dialect) and [`quote`](crate::sql::Connection::quote).
    ///
    /// ```
    /// use kiwi_loader::testing::{Host, json};
    /// use kiwi_loader::{Error, sql};
    ///
    /// fn load_from_source() -> Result<sql::Emitted, Error> {
    ///     sql::open("shop")?.query("SELECT code, name FROM airlines", sql::NONE)?.emit(["code"])
    /// }
    ///
    /// let airlines = json!([{ "code": "FR", "name": "Ryanair" }]);
    /// let host = Host::new().rows("shop", "SELECT code, name FROM airlines", airlines);
    /// assert_eq!(host.load(load_from_source)?.into_entries().unwrap()["FR"]["name"], "Ryanair");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// They are not an array of objects.
    #[must_use]
    pub fn rows(self, database: &str, statement: &str, rows: impl Serialize) -> Self {
        let rows = serde_json::to_value(rows).expect("the rows are JSON");
        let Value::Array(rows) = rows else { panic!("the rows are not an array: {rows}") };
        assert!(rows.iter().all(Value::is_object), "a row is not an object");
        self.state.borrow_mut().rows.insert((database.to_owned(), statement.to_owned()), rows);
        self
    }

    /// Sets what identifies the moment of a database. Default: it has nothing for that.
    #[must_use]
    pub fn moment(self, database: &str, moment: &str) -> Self {
        self.state.borrow_mut().moments.insert(database.to_owned(), moment.to_owned());
        self
    }

    /// Runs a loader, given as to [`loader!`](crate::loader), and returns what would be published.
    ///
    /// Values are compared as JSON, so `1.10` is `1.1` here; the host keeps the digits.
    pub fn load<Arguments>(&self, loader: impl Loader<Arguments>) -> Result<Load<BTreeMap<String, Value>>, Error> {
        let loaded = self.run(|| loader::load(loader));
        outcome::take(&mut self.state.borrow_mut(), loaded)
    }

    /// Runs any function with this stand-in in force: a part of a loader, or its `describe`.
    pub fn run<T>(&self, function: impl FnOnce() -> T) -> T {
        log::install();
        {
            let mut state = self.state.borrow_mut();
            (state.mark, state.unchanged) = (None, false);
            state.emitted.clear();
        }
        let _in_force = enter(&self.state);
        function()
    }

    /// The mark that the last run has set. A load that failed has left none.
    pub fn mark(&self) -> Option<String> {
        self.state.borrow().mark.clone()
    }

    /// All requests that were sent, in their order, answered or not.
    pub fn requests(&self) -> Vec<SentRequest> {
        self.state.borrow().requests.clone()
    }

    /// All queries that were sent, in their order.
    pub fn queries(&self) -> Vec<SentQuery> {
        self.state.borrow().queries.clone()
    }

    /// All lines that were logged by way of the [`log`](crate::log) crate. There are none if the test program has
    /// installed another logger.
    pub fn log(&self) -> Vec<LogLine> {
        self.state.borrow().log.clone()
    }
}
