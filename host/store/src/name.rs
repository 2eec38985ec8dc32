//! The name of a cache.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;

/// A cache's name: 1 to 128 of `A-Z a-z 0-9 . _ -`, the first a letter or a digit.
///
/// It becomes part of Redis keys (between `{` and `}`), of channel names and of a directory's name,
/// so it has no character with a meaning there. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || text.len() > Self::MAX_BYTES || !text.chars().all(allowed) {
            return Err(Error::invalid(format!(
                "`{}` is not a valid cache name: it becomes part of Redis keys (expected 1 to {} letters, digits, \
                 `.`, `_` or `-`, beginning with a letter or digit)",
                text.escape_debug(),
                Self::MAX_BYTES
            )));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<&str> for Name {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&Name> for Name {
    type Error = Error;

    fn try_from(name: &Name) -> Result<Self, Error> {
        Ok(name.clone())
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_as_part_of_a_redis_key_and_as_a_directory() {
        for good in ["airlines", "a", "9", "eu.airlines-v2_x", &"x".repeat(128)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "a b", "a{b}", "a:b", "a/b", "ä", "a\n", &"x".repeat(129)] {
            let error = bad.parse::<Name>().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("Redis"), "{bad:?}: {error}");
        }
    }
}
