//! Parses the name of a cache. Separate from `name.rs`, because an `Error` contains a `Name`.

use std::str::FromStr;

use crate::{Error, Name};

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::checked(text).ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a valid cache name: it becomes part of Redis keys (expected 1 to {} letters, digits, \
                 `.`, `_` or `-`, beginning with a letter or digit)",
                text.escape_debug(),
                Self::MAX_BYTES
            ))
        })
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
