//! Why a loader in Rust failed, in its own words.

use std::fmt;
use std::time::Duration;

use crate::failure::{Failure, FailureKind, chain};
use crate::printable;

/// Why a load failed, in the loader's own words. What the host does next follows from the kind; what is
/// published stays, whichever it is.
///
/// `?` turns every [`std::error::Error`] into [`other`](Self::other), with its causes. Like
/// `anyhow::Error` it does not implement [`std::error::Error`] itself, as that would rule out this `?`.
///
/// ```
/// use kiwi_host::LoadError;
///
/// fn rate(text: &str) -> Result<f64, LoadError> {
///     let rate: f64 = text.parse()?;
///     if rate <= 0.0 {
///         return Err(LoadError::other(format!("a rate of {rate} cannot be")));
///     }
///     Ok(rate)
/// }
/// assert_eq!(rate("x").unwrap_err().to_string(), "invalid float literal");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LoadError(Failure);

impl LoadError {
    /// The source cannot be reached or is not ready. The host tries again, with growing delays.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Unavailable, message)
    }

    /// What the loader was constructed with is invalid. The host tries again, with growing delays.
    pub fn invalid_settings(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::InvalidSettings, message)
    }

    /// The source denies access. The host tries again, with growing delays.
    pub fn denied(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Denied, message)
    }

    /// Anything else. The host tries again, with growing delays.
    pub fn other(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Other, message)
    }

    /// How long the source asks to be left alone, as HTTP's `Retry-After` does: no host asks it before, for at most a
    /// day.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Says what was being done, before the error's own sentence: `context: sentence`. The kind stays.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = printable::message(&format!("{context}: {}", self.0.message));
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// Which entry was refused, where this is a refusal of [`Output`](crate::Output): its number in the order in which
    /// they were emitted, from 1. For loaders that know where in their source that entry is.
    #[must_use]
    pub fn entry(&self) -> Option<u64> {
        self.0.entry
    }

    pub(crate) fn into_failure(self) -> Failure {
        self.0
    }

    /// What an entry was refused with, for the loader.
    pub(crate) fn from_refusal(refusal: &Failure) -> Self {
        Self(refusal.clone())
    }

    fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self(Failure::new(kind, printable::message(&message.to_string())))
    }
}

impl<E: std::error::Error + 'static> From<E> for LoadError {
    fn from(error: E) -> Self {
        Self::other(chain(&error))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
