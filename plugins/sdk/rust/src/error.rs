//! Why a load failed: the one error of a loader, as the host understands it.

use std::fmt;
use std::io;

use crate::bindings::entries::LoadError;

/// Why a load failed. What the host does next follows from the kind.
///
/// `?` turns every [`std::error::Error`] into one. An error of the host that travelled inside another
/// (an [`io::Error`] of a [`Response`](crate::http::Response), a parser's error around that) keeps its kind;
/// all others become [`other`](Error::other).
///
/// Like `anyhow::Error` it does not implement [`std::error::Error`] itself, as that would rule out this `?`.
///
/// ```
/// use kiwi_loader::Error;
///
/// fn rate(text: &str) -> Result<f64, Error> {
///     let rate: f64 = text.parse()?;
///     if rate <= 0.0 {
///         return Err(Error::other(format!("a rate of {rate} cannot be")));
///     }
///     Ok(rate)
/// }
/// assert_eq!(rate("x").unwrap_err().to_string(), "invalid float literal");
/// ```
#[derive(Clone)]
pub struct Error(LoadError);

impl Error {
    /// The source cannot be reached or is not ready. The host tries again, with growing delays.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self(LoadError::Unavailable(message.to_string()))
    }

    /// The settings do not do. The host tries again only when they or the loader have changed.
    pub fn invalid_settings(message: impl fmt::Display) -> Self {
        Self(LoadError::InvalidSettings(message.to_string()))
    }

    /// A grant is missing. The host tries again only when the grants, the settings or the loader have changed.
    pub fn denied(message: impl fmt::Display) -> Self {
        Self(LoadError::Denied(message.to_string()))
    }

    /// Anything else. The host tries again at the next reload.
    pub fn other(message: impl fmt::Display) -> Self {
        Self(LoadError::Other(message.to_string()))
    }

    /// Says what was being done, before the error's own sentence: `context: sentence`. The kind stays.
    #[must_use]
    pub fn context(self, context: impl fmt::Display) -> Self {
        self.map(|message| format!("{context}: {message}"))
    }

    /// Whether it is an [`unavailable`](Self::unavailable).
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0, LoadError::Unavailable(_))
    }

    /// Whether it is an [`invalid_settings`](Self::invalid_settings).
    pub fn is_invalid_settings(&self) -> bool {
        matches!(self.0, LoadError::InvalidSettings(_))
    }

    /// Whether it is a [`denied`](Self::denied).
    pub fn is_denied(&self) -> bool {
        matches!(self.0, LoadError::Denied(_))
    }

    /// What a function of the host has answered.
    pub(crate) fn of_host(error: LoadError) -> Self {
        Self(error)
    }

    fn map(self, with: impl FnOnce(String) -> String) -> Self {
        Self(match self.0 {
            LoadError::Unavailable(message) => LoadError::Unavailable(with(message)),
            LoadError::InvalidSettings(message) => LoadError::InvalidSettings(with(message)),
            LoadError::Denied(message) => LoadError::Denied(with(message)),
            LoadError::Other(message) => LoadError::Other(with(message)),
        })
    }

    fn message(&self) -> &str {
        match &self.0 {
            LoadError::Unavailable(message)
            | LoadError::InvalidSettings(message)
            | LoadError::Denied(message)
            | LoadError::Other(message) => message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let error: &(dyn std::error::Error + 'static) = &error;
        let kind = chain(error).find_map(|link| link.downcast_ref::<Cause>());
        let text = sentence(error);
        match kind {
            Some(Cause(cause)) => cause.clone().map(|_| text),
            None => Self(LoadError::Other(text)),
        }
    }
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// For readers and parsers, which know no other error: `?` takes the load's error out of it again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::other(Carrier(Cause(error)))
    }
}

/// What an [`io::Error`] carries. Parsers that wrap an [`io::Error`] name *its* source as theirs and so skip the
/// error inside it: hence the load's error is the source of the one inside.
#[derive(Debug)]
struct Carrier(Cause);

#[derive(Debug)]
struct Cause(Error);

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carrier {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl std::error::Error for Cause {}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// An error and its causes as one sentence, without the causes that it has told already.
fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    for link in chain(error).map(ToString::to_string) {
        if text.is_empty() {
            text = link;
        } else if !text.contains(&link) {
            text = format!("{text}: {link}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_survives_io_and_a_parser_around_it() {
        let io: io::Error = Error::unavailable("the server went away").into();
        assert_eq!(Error::from(io).0, LoadError::Unavailable("the server went away".into()));

        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::denied("no grant for it").into())
            }
        }
        let parser = serde_json::from_reader::<_, bool>(Broken).unwrap_err();
        let error = Error::from(parser);
        assert!(matches!(&error.0, LoadError::Denied(_)), "{error:?}");
        assert!(error.to_string().contains("no grant for it"), "{error}");
    }

    #[test]
    fn another_error_is_other_and_tells_its_causes_once() {
        let error = Error::from(io::Error::other("the disk is gone")).context("data/rates.csv");
        assert_eq!(error.0, LoadError::Other("data/rates.csv: the disk is gone".into()));
    }
}
