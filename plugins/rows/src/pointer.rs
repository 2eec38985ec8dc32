//! JSON pointers (RFC 6901), which are followed while a document is read.

use std::io::BufRead;

use kiwi_loader::Error;
use kiwi_rows::Scanner;
use kiwi_rows::pointer::{index, steps};

use crate::failed::failed;

/// A path into a JSON document; the empty one is the document itself.
#[derive(Clone, Debug, Default)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Parses the value of a setting.
    pub fn parse(setting: &str, text: &str) -> Result<Self, Error> {
        match text.strip_prefix('/') {
            Some(path) => Ok(Self(steps(path))),
            None if text.is_empty() => Ok(Self::default()),
            None => Err(Error::invalid_settings(format_args!(
                "`{setting}`: `{text}` does not begin with `/` (expected e.g. `/data/rows`)"
            ))),
        }
    }

    /// The text of the value that it points at in a whole document, if there is one.
    pub fn find(&self, document: &[u8]) -> Result<Option<String>, Error> {
        let mut scanner = Scanner::new(document.strip_prefix("\u{feff}".as_bytes()).unwrap_or(document));
        match self.missing_in(&mut scanner)? {
            None => {
                let mut value = Vec::new();
                scanner.value(&mut value).map_err(failed)?;
                Ok(Some(String::from_utf8(value)?))
            }
            Some(_) => Ok(None),
        }
    }

    /// Reads on to the value it points at.
    pub(crate) fn follow(&self, scanner: &mut Scanner<impl BufRead>) -> Result<(), Error> {
        match self.missing_in(scanner)? {
            None => Ok(()),
            Some(path) => Err(Error::other(format_args!("the document has nothing at `/{path}`: correct `pointer`"))),
        }
    }

    /// Reads on to the value it points at; otherwise returns the path to where nothing is.
    fn missing_in(&self, scanner: &mut Scanner<impl BufRead>) -> Result<Option<String>, Error> {
        for (depth, step) in self.0.iter().enumerate() {
            let found = match scanner.peek().map_err(failed)? {
                Some(b'{') => find_member(scanner, step)?,
                Some(b'[') => find_element(scanner, step)?,
                _ => false,
            };
            if !found {
                return Ok(Some(self.0[..=depth].join("/")));
            }
        }
        Ok(None)
    }
}

fn find_member(scanner: &mut Scanner<impl BufRead>, wanted: &str) -> Result<bool, Error> {
    let mut name = Vec::new();
    scanner.enter().map_err(failed)?;
    while scanner.has_next().map_err(failed)? {
        scanner.name(&mut name).map_err(failed)?;
        if serde_json::from_slice::<String>(&name)? == wanted {
            return Ok(true);
        }
        scanner.skip().map_err(failed)?;
    }
    Ok(false)
}

fn find_element(scanner: &mut Scanner<impl BufRead>, wanted: &str) -> Result<bool, Error> {
    let Some(wanted) = index(wanted) else { return Ok(false) };
    scanner.enter().map_err(failed)?;
    for _ in 0..wanted {
        if !scanner.has_next().map_err(failed)? {
            return Ok(false);
        }
        scanner.skip().map_err(failed)?;
    }
    scanner.has_next().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_a_whole_document() {
        let document = "\u{feff}{\"rows\": [1], \"meta\": {\"next\": \"a b\", \"a/b~\": null}}".as_bytes();
        let find = |pointer: &str| Pointer::parse("cursor", pointer).unwrap().find(document).unwrap();
        assert_eq!(find("/meta/next").as_deref(), Some("\"a b\""));
        assert_eq!(find("/meta/a~1b~0").as_deref(), Some("null"));
        assert_eq!(find("/rows/0").as_deref(), Some("1"));
        assert_eq!((find("/meta/last"), find("/rows/1"), find("/next")), (None, None, None));
        assert!(Pointer::parse("cursor", "/a").unwrap().find(b"{\"a\": ").is_err());
    }
}
