//! What a stand-in holds, and which one is in force on this thread.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use serde_json::Value;

use super::Response;
use crate::Error;
use crate::bindings::entries::Entry;
use crate::log::Level;
use crate::sql::Param;

/// One request that a loader has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentRequest {
    /// For example `GET`.
    pub method: String,
    /// The URL, with its query.
    pub url: String,
    /// Names and values, as they were sent.
    pub headers: Vec<(String, String)>,
    /// The body, if there was one.
    pub body: Option<Vec<u8>>,
}

impl SentRequest {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// One query that a loader has sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentQuery {
    /// The name of the database.
    pub connection: String,
    /// Its text.
    pub statement: String,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// One line that a loader has logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// How important it is.
    pub level: Level,
    /// Its text.
    pub message: String,
}

/// What a stand-in holds.
#[derive(Debug, Default)]
pub(super) struct State {
    /// JSON text; `None` is `{}`.
    pub(super) settings: Option<String>,
    pub(super) published_mark: Option<String>,
    /// What this load has set.
    pub(super) mark: Option<String>,
    pub(super) unchanged: bool,
    pub(super) emitted: Vec<Entry>,
    pub(super) responses: Vec<Registered>,
    pub(super) requests: Vec<SentRequest>,
    pub(super) log: Vec<LogLine>,
    /// The rows of a statement on a database.
    pub(super) rows: BTreeMap<(String, String), Vec<Value>>,
    pub(super) moments: BTreeMap<String, String>,
    pub(super) queries: Vec<SentQuery>,
}

/// The responses to one method and URL, in their order; the last one stays.
#[derive(Debug)]
pub(super) struct Registered {
    method: String,
    url: String,
    responses: VecDeque<Response>,
}

impl State {
    pub(super) fn has_database(&self, name: &str) -> bool {
        self.rows.keys().any(|(database, _)| database == name) || self.moments.contains_key(name)
    }

    pub(super) fn select(&self, database: &str, statement: &str) -> Result<Vec<Value>, Error> {
        let registered = self.rows.get(&(database.to_owned(), statement.to_owned()));
        registered.cloned().ok_or_else(|| {
            let known = self.rows.keys().filter(|(name, _)| name == database).map(|(_, known)| format!("`{known}`"));
            let known = known.collect::<Vec<_>>().join(", ");
            Error::other(format_args!(
                "no rows are registered for `{statement}` of the database `{database}`: add `.rows({database:?}, \
                 {statement:?}, json!([..]))` to the test's host (registered: {known})"
            ))
        })
    }

    pub(super) fn register(&mut self, method: &str, url: &str, response: Response) {
        match self.responses.iter_mut().find(|registered| registered.is_for(method, url)) {
            Some(registered) => registered.responses.push_back(response),
            None => self.responses.push(Registered {
                method: method.to_owned(),
                url: url.to_owned(),
                responses: VecDeque::from([response]),
            }),
        }
    }

    pub(super) fn respond(&mut self, method: &str, url: &str) -> Result<Response, Error> {
        let registered = self.responses.iter_mut().find(|registered| registered.is_for(method, url));
        let next = registered.and_then(|Registered { responses, .. }| match responses.len() {
            0 | 1 => responses.front().cloned(),
            _ => responses.pop_front(),
        });
        next.ok_or_else(|| self.unexpected(method, url))
    }

    fn unexpected(&self, method: &str, url: &str) -> Error {
        let call = match method {
            "GET" => format!(".get({url:?}, Response::json(..))"),
            "POST" => format!(".post({url:?}, Response::json(..))"),
            _ => format!(".respond({method:?}, {url:?}, Response::json(..))"),
        };
        let known: Vec<String> = self.responses.iter().map(|known| format!("{} {}", known.method, known.url)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::other(format_args!(
            "no response is registered for {method} {url}: add `{call}` to the test's host (registered: {known})"
        ))
    }
}

impl Registered {
    fn is_for(&self, method: &str, url: &str) -> bool {
        self.method == method && self.url == url
    }
}

thread_local! {
    static IN_FORCE: RefCell<Option<Rc<RefCell<State>>>> = const { RefCell::new(None) };
}

/// Puts a stand-in in force on this thread until the guard is dropped, which restores the one before.
pub(super) fn enter(state: &Rc<RefCell<State>>) -> impl Drop {
    struct Guard(Option<Rc<RefCell<State>>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            IN_FORCE.set(self.0.take());
        }
    }
    Guard(IN_FORCE.replace(Some(Rc::clone(state))))
}

/// The stand-in in force, if there is one.
pub(super) fn try_with<T>(access: impl FnOnce(&mut State) -> T) -> Option<T> {
    let state = IN_FORCE.with_borrow(Option::clone)?;
    Some(access(&mut state.borrow_mut()))
}

/// The stand-in in force.
///
/// # Panics
/// There is none.
pub(super) fn with<T>(access: impl FnOnce(&mut State) -> T) -> T {
    try_with(access).expect(
        "there is no host here: in a unit test, run this by `kiwi_loader::testing::Host::new().load(load_from_source)` \
         or `.run(|| ..)`; elsewhere, build a component for wasm32-wasip2",
    )
}
