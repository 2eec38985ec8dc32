//! JSON pointers (RFC 6901), which are followed while a document is read.

use std::io::BufRead;
use std::str::FromStr;

use kiwi_loader::Error;

use crate::scan::Scanner;

/// A path into a JSON document; the empty one is the document itself.
#[derive(Debug)]
pub struct Pointer(Vec<String>);

impl FromStr for Pointer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(path) = text.strip_prefix('/') else {
            return Err(Error::invalid_settings(format_args!(
                "`pointer`: `{text}` does not begin with `/` (expected e.g. `/data/rows`)"
            )));
        };
        Ok(Self(path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl Pointer {
    /// Reads on to the value it points at.
    pub(crate) fn follow(&self, scanner: &mut Scanner<impl BufRead>) -> Result<(), Error> {
        for (depth, step) in self.0.iter().enumerate() {
            let found = match scanner.peek()? {
                Some(b'{') => find_member(scanner, step)?,
                Some(b'[') => find_element(scanner, step)?,
                _ => false,
            };
            if !found {
                let path = self.0[..=depth].join("/");
                return Err(Error::other(format_args!("the document has nothing at `/{path}`: correct `pointer`")));
            }
        }
        Ok(())
    }
}

fn find_member(scanner: &mut Scanner<impl BufRead>, name: &str) -> Result<bool, Error> {
    scanner.enter()?;
    while scanner.has_next()? {
        if scanner.name()? == name {
            return Ok(true);
        }
        scanner.skip()?;
    }
    Ok(false)
}

fn find_element(scanner: &mut Scanner<impl BufRead>, index: &str) -> Result<bool, Error> {
    let Some(index) = parse_index(index) else { return Ok(false) };
    scanner.enter()?;
    for _ in 0..index {
        if !scanner.has_next()? {
            return Ok(false);
        }
        scanner.skip()?;
    }
    scanner.has_next()
}

/// Digits, without leading zeros.
fn parse_index(step: &str) -> Option<usize> {
    let is_canonical = |index: &usize| index.to_string() == step;
    step.parse().ok().filter(is_canonical)
}
