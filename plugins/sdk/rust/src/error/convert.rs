//! Conversions between [`Error`] and the errors of other crates, which keep the kind.
//!
//! One `From` takes in everything that converts into a `Box<dyn std::error::Error>`. This is possible because [`Error`]
//! itself does not convert into one, which is what the conversion into [`io::Error`] and `anyhow::Error` makes up for.

use std::error::Error as StdError;
use std::{fmt, io};

use super::{Error, ErrorKind};
use crate::http;

impl<E: Into<Box<dyn StdError>> + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        #[cfg(feature = "anyhow")]
        if let Some(error) = (&error as &dyn std::any::Any).downcast_ref::<anyhow::Error>() {
            return from_anyhow(error);
        }
        from_chain(chain(&*error.into()), None)
    }
}

/// As a box, an `anyhow::Error` hides the type of the error in it, and with it the kind.
#[cfg(feature = "anyhow")]
fn from_anyhow(error: &anyhow::Error) -> Error {
    // `context(Error::denied(..))` makes it a message, which no link of the chain has as its type.
    from_chain(error.chain(), error.downcast_ref::<Error>().map(Error::kind))
}

#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        Self::new(Cause(error))
    }
}

/// For readers and parsers that know no other error. `?` restores the [`Error`] from it, even from within a parser's
/// own error.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(Carrier(Cause(error)))
    }
}

/// One sentence for a chain of errors, and the first kind that is found in it.
fn from_chain<'a>(links: impl Iterator<Item = &'a (dyn StdError + 'static)>, mut kind: Option<ErrorKind>) -> Error {
    let mut message = String::new();
    for link in links {
        kind = kind.or_else(|| kind_of(link));
        let text = link.to_string();
        if message.is_empty() {
            message = text;
        } else if !message.contains(&text) {
            // Many errors repeat their cause in their own text: it is reported once.
            message = format!("{message}: {text}");
        }
    }
    Error { kind: kind.unwrap_or(ErrorKind::Other), message }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn kind_of(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    if let Some(Cause(error)) = error.downcast_ref() {
        return Some(error.kind());
    }
    if let Some(error) = error.downcast_ref::<http::Error>() {
        return Some(error.kind());
    }
    // The source of an `io::Error` is not the error that it holds, but the source of that one.
    let held = error.downcast_ref::<io::Error>()?.get_ref()?;
    kind_of(held)
}

/// What an [`io::Error`] holds. Parsers that wrap an `io::Error` name *its* source as theirs and so skip the error
/// in it. So this one has the error that matters as its source.
#[derive(Debug)]
struct Carrier(Cause);

/// An [`Error`] that implements [`std::error::Error`].
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

impl StdError for Carrier {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

impl StdError for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(message: &str) -> Error {
        Error::other(message)
    }

    #[test]
    fn the_kind_survives_io_and_a_parser_around_it() {
        let io: io::Error = Error::unavailable("the server went away").into();
        assert_eq!(Error::from(io), Error::unavailable("the server went away"));

        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::denied("no grant for it").into())
            }
        }
        let parser = serde_json::from_reader::<_, bool>(Broken).unwrap_err();
        let error = Error::from(parser);
        assert!(error.is_denied(), "{error:?}");
        assert!(error.to_string().contains("no grant for it"), "{error}");
    }

    #[test]
    fn an_http_error_keeps_its_kind_through_io_and_question_marks() {
        fn load() -> Result<(), Error> {
            Err(http::Error::new(ErrorKind::Denied, "no grant for it".into()))?;
            Ok(())
        }
        assert_eq!(load().unwrap_err(), Error::denied("no grant for it"));
        let within = io::Error::other(http::Error::new(ErrorKind::Denied, "no grant for it".into()));
        assert_eq!(Error::from(within), Error::denied("no grant for it"));
    }

    #[test]
    fn any_other_error_is_other_and_reports_its_causes_once() {
        let error = Error::from(io::Error::other("the disk is gone")).context("data/rates.csv");
        assert_eq!(error, other("data/rates.csv: the disk is gone"));
        assert_eq!(Error::from("x".parse::<f64>().unwrap_err()), other("invalid float literal"));
    }

    #[test]
    fn boxes_and_texts_are_errors_too() {
        fn boxed() -> Result<(), Error> {
            let failed: Result<(), Box<dyn StdError>> = Err(Error::denied("no grant").into_box());
            failed?;
            Ok(())
        }
        assert_eq!(boxed().unwrap_err(), Error::denied("no grant"));
        assert_eq!(Error::from("no rows"), other("no rows"));
        assert_eq!(Error::from(format!("{} rows", 0)), other("0 rows"));
    }

    impl Error {
        fn into_box(self) -> Box<dyn StdError> {
            Box::new(Cause(self))
        }
    }
}

#[cfg(all(test, feature = "anyhow"))]
mod anyhow_tests {
    use anyhow::{Context, anyhow, bail, ensure};

    use super::*;

    fn send() -> Result<(), http::Error> {
        Err(http::Error::new(ErrorKind::Denied, "no grant for example.com".into()))
    }

    fn load() -> Result<(), Error> {
        Err(Error::denied("no grant for example.com"))
    }

    /// What the host is given for the error of a loader that returns `anyhow::Result`.
    fn reported(load: impl FnOnce() -> anyhow::Result<()>) -> Error {
        load().unwrap_err().into()
    }

    #[test]
    fn the_kind_survives_anyhow() {
        let denied = Error::denied("no grant for example.com");
        assert_eq!(reported(|| Ok(send()?)), denied);
        assert_eq!(reported(|| Ok(load()?)), denied);
        assert_eq!(reported(|| bail!(Error::denied("no grant for example.com"))), denied);
        assert_eq!(reported(|| Err(anyhow!(Error::denied("no grant for example.com")))), denied);
        assert_eq!(
            reported(|| {
                ensure!(false, Error::denied("no grant for example.com"));
                Ok(())
            }),
            denied
        );
        assert_eq!(reported(|| None.context(Error::denied("no grant for example.com"))), denied);
    }

    #[test]
    fn context_is_reported_in_order_and_once() {
        let error = reported(|| send().context("fetching the rates").context("loading"));
        assert_eq!(error, Error::denied("loading: fetching the rates: no grant for example.com"));
        let error = reported(|| "x".parse::<f64>().map(drop).with_context(|| "line 3"));
        assert_eq!(error, Error::other("line 3: invalid float literal"));
        let io: io::Error = Error::unavailable("the server went away").into();
        assert_eq!(reported(|| Err(io).context("line 3")), Error::unavailable("line 3: the server went away"));
    }

    #[test]
    fn an_anyhow_error_is_taken_by_a_question_mark() {
        fn load() -> Result<(), Error> {
            send().context("fetching the rates")?;
            Ok(())
        }
        assert_eq!(load().unwrap_err(), Error::denied("fetching the rates: no grant for example.com"));
    }
}
