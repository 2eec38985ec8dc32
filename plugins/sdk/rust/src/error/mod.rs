//! Why a load failed: the one error of a loader, as the host understands it.

mod convert;
mod kind;

use std::fmt;

pub use kind::ErrorKind;

use crate::bindings::entries::LoadError;

/// Why a load failed. What the host does next follows from the [kind](Self::kind).
///
/// `?` turns every [`std::error::Error`] into one, as well as `anyhow::Error`, `Box<dyn Error>` and texts. An error of
/// this crate keeps its kind, even inside another error: an [`io::Error`](std::io::Error) of a
/// [`Response`](crate::http::Response), a parser's error around that, an `anyhow::Error`. All other errors become
/// [`other`](Self::other). The whole chain of causes is reported, each text once.
///
/// Like `anyhow::Error` it does not implement [`std::error::Error`] itself, as that would rule out this `?`.
///
/// ```
/// use kiwi_loader::Error;
///
/// fn rate(text: &str) -> Result<f64, Error> {
///     let rate: f64 = text.parse()?;
///     if rate <= 0.0 {
///         return Err(Error::other(format!("the rate {rate} is not positive")));
///     }
///     Ok(rate)
/// }
/// assert_eq!(rate("x").unwrap_err().to_string(), "invalid float literal");
/// ```
///
/// With the feature `anyhow`, which is on by default, a loader may return `anyhow::Result`:
///
/// ```
/// # #[cfg(feature = "anyhow")] {
/// use anyhow::Context;
/// use kiwi_loader::{Error, http};
///
/// fn load_from_source() -> anyhow::Result<Vec<(String, f64)>> {
///     let response = http::get("https://example.com/rates").send().context("fetching the rates")?;
///     if response.status() == 202 {
///         return Err(Error::unavailable("the rates are not ready").into());
///     }
///     Ok(response.json()?)
/// }
///
/// kiwi_loader::loader!(load_from_source);
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// The source cannot be reached or is not ready. The host tries again, with growing delays.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The settings are invalid. The host tries again, with growing delays.
    pub fn invalid_settings(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidSettings, message)
    }

    /// Access is denied, or a grant is missing. The host tries again, with growing delays.
    pub fn denied(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// Anything else. The host tries again, with growing delays.
    pub fn other(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// Puts what was being done before the message: `context: message`. The kind stays.
    ///
    /// ```
    /// use kiwi_loader::Error;
    ///
    /// let error = Error::unavailable("connection refused").context("fetching the rates");
    /// assert_eq!(error.to_string(), "fetching the rates: connection refused");
    /// assert!(error.is_unavailable());
    /// ```
    #[must_use]
    pub fn context(self, context: impl fmt::Display) -> Self {
        Self { kind: self.kind, message: format!("{context}: {}", self.message) }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether it is [`ErrorKind::Unavailable`].
    pub fn is_unavailable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// Whether it is [`ErrorKind::InvalidSettings`].
    pub fn is_invalid_settings(&self) -> bool {
        self.kind == ErrorKind::InvalidSettings
    }

    /// Whether it is [`ErrorKind::Denied`].
    pub fn is_denied(&self) -> bool {
        self.kind == ErrorKind::Denied
    }

    /// Whether it is [`ErrorKind::Other`].
    pub fn is_other(&self) -> bool {
        self.kind == ErrorKind::Other
    }

    /// An error that a function of the contract returned.
    pub(crate) fn from_contract(error: LoadError) -> Self {
        match error {
            LoadError::Unavailable(message) => Self { kind: ErrorKind::Unavailable, message },
            LoadError::InvalidSettings(message) => Self { kind: ErrorKind::InvalidSettings, message },
            LoadError::Denied(message) => Self { kind: ErrorKind::Denied, message },
            LoadError::Other(message) => Self { kind: ErrorKind::Other, message },
        }
    }

    /// The error as the contract has it.
    pub(crate) fn into_contract(self) -> LoadError {
        match self.kind {
            ErrorKind::Unavailable => LoadError::Unavailable(self.message),
            ErrorKind::InvalidSettings => LoadError::InvalidSettings(self.message),
            ErrorKind::Denied => LoadError::Denied(self.message),
            ErrorKind::Other => LoadError::Other(self.message),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    /// The kind and the message, for example `Denied("no grant for example.com")`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.kind, self.message)
    }
}
