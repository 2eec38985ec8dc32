//! Why a request failed.

use std::error::Error as StdError;
use std::{fmt, io};

use crate::ErrorKind;
use crate::bindings::entries::LoadError;

/// Why a request failed, or a response could not be used.
///
/// It implements [`std::error::Error`], so `anyhow`'s `.context(..)` works on it. `?` turns it into a
/// [`kiwi_loader::Error`](crate::Error) or an `anyhow::Error`, and either way the host learns the [kind](Self::kind).
///
/// ```no_run
/// use kiwi_loader::{Error, http};
///
/// fn rates() -> Result<String, Error> {
///     match http::get("https://example.com/rates.txt").send() {
///         Err(error) if error.is_unavailable() => Ok(http::get("https://mirror.example.com/rates.txt").send()?.text()?),
///         response => Ok(response?.text()?),
///     }
/// }
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, source: None }
    }

    pub(crate) fn because(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    pub(crate) fn from_contract(error: LoadError) -> Self {
        let error = crate::Error::from_contract(error);
        Self::new(error.kind(), error.to_string())
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether there was no response, or not the whole of it, or a status that says to try again.
    pub fn is_unavailable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// Whether the cache has no grant for the address, or the server refused access.
    pub fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied
    }

    /// Whether the URL, the method or a header is invalid.
    pub fn is_invalid_settings(&self) -> bool {
        self.kind == ErrorKind::InvalidSettings
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple(&format!("{:?}", self.kind));
        debug.field(&self.message);
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        crate::Error::from(error).into()
    }
}
