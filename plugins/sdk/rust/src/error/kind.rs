//! What kind of failure an error is.

use std::fmt;

/// What kind of failure an [`Error`](crate::Error) is. What the host does next follows from it.
///
/// ```
/// use kiwi_loader::{Error, ErrorKind};
///
/// let error = Error::unavailable("the database is starting");
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert_eq!(error.kind().to_string(), "unavailable");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source cannot be reached or is not ready. The host tries again, with growing delays.
    Unavailable,
    /// The settings are invalid. The host tries again, with growing delays.
    InvalidSettings,
    /// Access is denied, or a grant is missing. The host tries again, with growing delays.
    Denied,
    /// Anything else. The host tries again, with growing delays.
    Other,
}

impl fmt::Display for ErrorKind {
    /// As the contract names it, for example `invalid-settings`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "unavailable",
            Self::InvalidSettings => "invalid-settings",
            Self::Denied => "denied",
            Self::Other => "other",
        })
    }
}
