//! The fingerprint of a whole map.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::Error;

/// The fingerprint of a whole map: equal maps have equal roots, in whatever order their entries came.
///
/// The sum, modulo 2^128, of each entry's `xxh3_128(value, seed = xxh3_64(key))`. It detects accidents,
/// not attacks: a loader can make two of its own maps look alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Root(u128);

impl Root {
    /// Adds one entry.
    pub fn add(&mut self, key: &str, value: &str) {
        self.0 = self.0.wrapping_add(of_entry(key, value));
    }

    /// Takes one entry out again.
    pub fn remove(&mut self, key: &str, value: &str) {
        self.0 = self.0.wrapping_sub(of_entry(key, value));
    }

    /// Adds all entries of a part of the map.
    pub fn add_part(&mut self, part: Root) {
        self.0 = self.0.wrapping_add(part.0);
    }

    /// Takes all entries of a part of the map out again.
    #[cfg(feature = "redis")]
    pub(crate) fn remove_part(&mut self, part: Root) {
        self.0 = self.0.wrapping_sub(part.0);
    }

    #[cfg(feature = "redis")]
    pub(crate) fn to_le_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    #[cfg(feature = "redis")]
    pub(crate) fn from_le_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

fn of_entry(key: &str, value: &str) -> u128 {
    xxh3_128_with_seed(value.as_bytes(), xxh3_64(key.as_bytes()))
}

impl<'a> FromIterator<(&'a str, &'a str)> for Root {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(entries: I) -> Self {
        let mut root = Self::default();
        for (key, value) in entries {
            root.add(key, value);
        }
        root
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Root {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        u128::from_str_radix(text, 16).map(Self).map_err(|_| {
            Error::invalid(format!("`{}` is not a valid root (expected hexadecimal digits)", text.escape_debug()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_entries_does_not_count_but_which_key_has_which_value_does() {
        let root = |entries: &[(&'static str, &'static str)]| entries.iter().copied().collect::<Root>();
        assert_eq!(root(&[("a", "1"), ("b", "2")]), root(&[("b", "2"), ("a", "1")]));
        assert_ne!(root(&[("a", "1"), ("b", "2")]), root(&[("a", "2"), ("b", "1")]));
        assert_ne!(root(&[("a", "1")]), root(&[]));
        let mut both = root(&[("a", "1"), ("b", "2")]);
        both.remove("b", "2");
        assert_eq!(both, root(&[("a", "1")]));
        assert_eq!(both.to_string().parse::<Root>().unwrap(), both);
    }
}
