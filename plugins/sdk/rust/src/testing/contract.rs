//! The contract's functions, answered by the stand-in in force. The modules and signatures are those of
//! [`bindings`](crate::bindings).

pub(crate) mod output {
    use crate::bindings::entries::{Entry, LoadError};
    use crate::testing::state::with;

    pub(crate) fn emit(batch: &[Entry]) -> Result<(), LoadError> {
        with(|state| state.emitted.extend_from_slice(batch));
        Ok(())
    }
}

pub(crate) mod settings {
    use crate::testing::state::with;

    pub(crate) fn get() -> String {
        with(|state| state.settings.clone()).unwrap_or_else(|| "{}".into())
    }
}

pub(crate) mod mark {
    use crate::testing::state::with;

    pub(crate) fn published() -> Option<String> {
        with(|state| state.published_mark.clone())
    }

    pub(crate) fn set(mark: &str) {
        with(|state| state.mark = Some(mark.to_owned()));
    }

    pub(crate) fn unchanged() {
        with(|state| state.unchanged = true);
    }
}

pub(crate) mod log {
    pub(crate) use crate::bindings::log::Level;

    use crate::testing::LogLine;
    use crate::testing::state::try_with;

    /// Without a stand-in a line is lost: the functions of a loader may log, and be tested alone.
    pub(crate) fn write(level: Level, message: &str) {
        let level = match level {
            Level::Trace => crate::log::Level::Trace,
            Level::Debug => crate::log::Level::Debug,
            Level::Info => crate::log::Level::Info,
            Level::Warn => crate::log::Level::Warn,
            Level::Error => crate::log::Level::Error,
        };
        try_with(|state| state.log.push(LogLine { level, message: message.to_owned() }));
    }
}

pub(crate) mod sql {
    use std::cell::{Cell, RefCell};

    use serde_json::Value;

    use crate::Error;
    use crate::bindings::entries::{Entry, LoadError};
    pub(crate) use crate::bindings::sql::{Column, Param};
    use crate::testing::state::{SentQuery, with};

    pub(crate) struct Connection(String);

    pub(crate) struct Rows {
        columns: Vec<String>,
        rows: RefCell<std::vec::IntoIter<Value>>,
        _separator: Cell<char>,
    }

    pub(crate) fn open(name: &str) -> Result<Connection, LoadError> {
        match with(|state| state.has_database(name)) {
            true => Ok(Connection(name.to_owned())),
            false => Err(Error::denied(format_args!(
                "no rows are registered for the database `{name}`: add `.rows({name:?}, \"SELECT ..\", json!([..]))` to the \
                 test's host"
            ))
            .into_contract()),
        }
    }

    impl Connection {
        pub(crate) fn dialect(&self) -> String {
            "postgres".into()
        }

        pub(crate) fn quote(&self, identifier: &str) -> String {
            format!("\"{}\"", identifier.replace('"', "\"\""))
        }

        pub(crate) fn moment(&self) -> Result<Option<String>, LoadError> {
            Ok(with(|state| state.moments.get(&self.0).cloned()))
        }

        pub(crate) fn query(&self, statement: &str, params: &[Param]) -> Result<Rows, LoadError> {
            let rows = with(|state| {
                let (connection, statement) = (self.0.clone(), statement.to_owned());
                let params = params.iter().cloned().map(crate::sql::Param::from_contract).collect();
                let rows = state.select(&connection, &statement);
                state.queries.push(SentQuery { connection, statement, params });
                rows
            });
            let rows = rows.map_err(Error::into_contract)?;
            let columns = rows.first().and_then(Value::as_object);
            let columns = columns.map(|row| row.keys().cloned().collect()).unwrap_or_default();
            Ok(Rows { columns, rows: RefCell::new(rows.into_iter()), _separator: Cell::new('T') })
        }
    }

    impl Rows {
        pub(crate) fn columns(&self) -> Vec<Column> {
            let column = |name: &String| Column { name: name.clone(), type_name: String::new() };
            self.columns.iter().map(column).collect()
        }

        /// Registered rows stand as they are.
        pub(crate) fn datetime_separator(&self, separator: char) {
            self._separator.set(separator);
        }

        pub(crate) fn next(&self, max: u32) -> Result<Vec<String>, LoadError> {
            Ok(self.rows.borrow_mut().by_ref().take(max.max(1) as usize).map(|row| row.to_string()).collect())
        }

        pub(crate) fn emit(&self, key: &[String], separator: &str) -> Result<u64, LoadError> {
            let mut emitted = 0;
            for row in self.rows.borrow_mut().by_ref() {
                emitted += 1;
                let part = |column: &String| match &row[column] {
                    Value::Null => Err(Error::other(format_args!(
                        "the key column `{column}` of row {emitted} is NULL: expected a value in every row"
                    ))),
                    Value::String(text) => Ok(text.clone()),
                    other => Ok(other.to_string()),
                };
                let parts: Result<Vec<String>, Error> = key.iter().map(part).collect();
                let key = parts.map_err(Error::into_contract)?.join(separator);
                with(|state| state.emitted.push(Entry { key, value: row.to_string() }));
            }
            Ok(emitted)
        }
    }
}

pub(crate) mod http {
    use std::cell::RefCell;

    pub(crate) use crate::bindings::http::Request;

    use crate::Error;
    use crate::bindings::entries::LoadError;
    use crate::testing::SentRequest;
    use crate::testing::response::Head;
    use crate::testing::state::with;

    pub(crate) struct Response {
        head: Head,
        url: String,
        body: RefCell<std::vec::IntoIter<u8>>,
        end: Result<(), Error>,
    }

    impl Response {
        pub(crate) fn status(&self) -> u16 {
            self.head.status
        }

        pub(crate) fn url(&self) -> String {
            self.head.url.as_ref().unwrap_or(&self.url).clone()
        }

        pub(crate) fn header(&self, name: &str) -> Option<String> {
            let name = name.to_ascii_lowercase();
            self.head.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone())
        }

        pub(crate) fn headers(&self) -> Vec<(String, String)> {
            self.head.headers.clone()
        }

        pub(crate) fn read(&self, max: u32) -> Result<Option<Vec<u8>>, LoadError> {
            let chunk: Vec<u8> = self.body.borrow_mut().by_ref().take(max as usize).collect();
            match &self.end {
                _ if !chunk.is_empty() => Ok(Some(chunk)),
                Ok(()) => Ok(None),
                Err(error) => Err(error.clone().into_contract()),
            }
        }
    }

    pub(crate) fn send(request: &Request) -> Result<Response, LoadError> {
        let Request { method, url, headers, body, timeout_ms: _ } = request.clone();
        let response = with(|state| {
            let response = state.respond(&method, &url);
            state.requests.push(SentRequest { method, url: url.clone(), headers, body });
            response
        });
        let response = response.map_err(Error::into_contract)?;
        let head = response.head.map_err(Error::into_contract)?;
        Ok(Response { head, url, body: RefCell::new(response.body.into_iter()), end: response.end })
    }
}
