//! The one error of this crate, which kiwi-cache shares.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::Name;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. It names the cache (where it is about one) and says what was expected and what to
/// do. The predicates tell what kind it is. It never holds a password.
///
/// ```
/// use kiwi_store::Name;
///
/// let error = "no good name".parse::<Name>().unwrap_err();
/// assert!(error.is_invalid());
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    cache: Option<Name>,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of [`Error`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, a URL or a setting is not as expected: nothing was tried.
    Invalid,
    /// No snapshot was ever published, or all of it is gone.
    Missing,
    /// The store cannot be reached, or did not answer in time: try again later.
    Unavailable,
    /// The store refuses access: a wrong password, or a missing permission.
    Denied,
    /// Another program's data is where one of our keys or files belongs. Nothing was touched.
    WrongType,
    /// The store has no room left (Redis' maxmemory, a full disk). What was published stays.
    Full,
    /// The store holds a snapshot in a newer format than this build reads: update this program.
    NewerFormat,
    /// A published value is not of the type it is read as.
    Value,
    /// The source could not be loaded, so that there is nothing to read.
    LoadFailed,
}

impl Error {
    /// An error of this kind, with a sentence that says what is wrong and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, cache: None, message: message.into(), source: None }
    }

    /// A name, a URL or a setting is not as expected.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// No snapshot was ever published, or all of it is gone.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, message)
    }

    /// The store cannot be reached, or did not answer in time.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    pub(crate) fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::WrongType, message)
    }

    pub(crate) fn full(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Full, message)
    }

    pub(crate) fn format(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NewerFormat, message)
    }

    /// A published value is not of the type it is read as.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, message)
    }

    /// Adds to the message.
    #[cfg(feature = "redis")]
    #[must_use]
    pub(crate) fn adding(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// The source could not be loaded.
    pub fn load_failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LoadFailed, message)
    }

    /// Names the cache the error is about, unless it already names one.
    #[must_use]
    pub fn of(mut self, cache: &Name) -> Self {
        self.cache.get_or_insert_with(|| cache.clone());
        self
    }

    /// Keeps the cause, for `source()`, unless the message already contains its text: a chain of causes
    /// is then printed without saying anything twice.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        if !self.message.contains(&source.to_string()) {
            self.source = Some(Arc::from(source));
        }
        self
    }

    /// The cache it is about, if it is about one.
    #[must_use]
    pub fn cache(&self) -> Option<&Name> {
        self.cache.as_ref()
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// A name, a URL or a setting is not as expected: nothing was tried.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.kind == ErrorKind::Invalid
    }

    /// No snapshot was ever published, or all of it is gone.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == ErrorKind::Missing
    }

    /// The store cannot be reached, or did not answer in time: try again later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// The store refuses access: a wrong password, or a missing permission.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied
    }

    /// Another program's data is where one of our keys or files belongs. Nothing was touched.
    #[must_use]
    pub fn is_wrong_type(&self) -> bool {
        self.kind == ErrorKind::WrongType
    }

    /// The store has no room left (Redis' maxmemory, a full disk). What was published stays.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kind == ErrorKind::Full
    }

    /// The store holds a snapshot in a newer format than this build reads: update this program.
    #[must_use]
    pub fn is_newer_format(&self) -> bool {
        self.kind == ErrorKind::NewerFormat
    }

    /// A published value is not of the type it is read as.
    #[must_use]
    pub fn is_value(&self) -> bool {
        self.kind == ErrorKind::Value
    }

    /// The source could not be loaded, so that there is nothing to read.
    #[must_use]
    pub fn is_load_failed(&self) -> bool {
        self.kind == ErrorKind::LoadFailed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cache {
            Some(cache) => write!(f, "cache `{cache}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_causes_says_nothing_twice() {
        let cause = || std::io::Error::other("no such disk");
        let explained = Error::unavailable("the store is gone").because(cause());
        assert_eq!(explained.source().unwrap().to_string(), "no such disk");
        let quoted = Error::unavailable("the store is gone: no such disk").because(cause());
        assert!(quoted.source().is_none());
    }
}
