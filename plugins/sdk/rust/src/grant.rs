//! One grant that a loader asks for.

use crate::bindings::about;
use crate::http::origin;

/// One grant that the loader needs.
///
/// ```
/// use kiwi_loader::{Description, Grant};
///
/// let description = Description::new("The exchange rates of the European Central Bank.")
///     .grant(Grant::http("https://www.ecb.europa.eu/stats/eurofxref.csv", "to fetch the rates"))
///     .grant(Grant::env("ECB_TOKEN", "to authenticate"));
/// # let _ = description;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grant(about::Grant);

impl Grant {
    /// HTTP to a server: `https://api.example.com`, `http://127.0.0.1:8080`. Of a longer URL only this part is used.
    pub fn http(url: &str, reason: &str) -> Self {
        Self::new("http", &origin(url), reason)
    }

    /// Reading one file, under the path it has in kiwi.toml.
    pub fn file(path: &str, reason: &str) -> Self {
        Self::new("files", path, reason)
    }

    /// Reading a directory and all below it, under the path it has in kiwi.toml. Ask for a [`file`](Self::file) where
    /// that is enough.
    pub fn dir(path: &str, reason: &str) -> Self {
        Self::new("dirs", path, reason)
    }

    /// An environment variable.
    pub fn env(variable: &str, reason: &str) -> Self {
        Self::new("env", variable, reason)
    }

    /// A database, by its name in `[connections]`.
    pub fn connection(name: &str, reason: &str) -> Self {
        Self::new("connections", name, reason)
    }

    fn new(kind: &str, name: &str, reason: &str) -> Self {
        Self(about::Grant { kind: kind.into(), name: name.into(), reason: reason.into() })
    }

    pub(crate) fn into_contract(self) -> about::Grant {
        self.0
    }
}
