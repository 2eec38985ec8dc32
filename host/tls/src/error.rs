//! Why there is no TLS configuration.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// Why no TLS configuration could be made. Says which file is wrong, and what was expected in it.
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn unreadable(what: &str, file: &Path, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let message = format!("cannot read {what} from `{}` (expected a PEM file)", file.display());
        Self { message, source: Some(cause.into()) }
    }

    pub(crate) fn empty(what: &str, file: &Path) -> Self {
        Self { message: format!("no {what} found in `{}` (expected a PEM file)", file.display()), source: None }
    }

    pub(crate) fn unusable(what: &str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { message: format!("cannot use {what}"), source: Some(cause.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
