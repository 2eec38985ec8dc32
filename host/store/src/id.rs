//! The names of a snapshot and of a lease's holder: random, and compared only for equality.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Names one snapshot: 128 random bits, written as 32 hexadecimal digits.
///
/// Not a number that counts up: such numbers come back after FLUSHALL, a restored dump or a
/// failover, and then two different maps have the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u128);

impl Id {
    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no random numbers to give.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(u128::from_le_bytes(bytes))
    }
}

impl Id {
    pub(crate) fn bits(self) -> u128 {
        self.0
    }
}

#[cfg(feature = "redis")]
impl Id {
    /// An id computed from what it names, where that was not given one.
    pub(crate) fn of(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(bits) if digits => Ok(Self(bits)),
            _ => Err(Error::invalid(format!(
                "`{}` is not a valid id (expected 32 hexadecimal digits)",
                text.escape_debug()
            ))),
        }
    }
}

/// Names one holder of a lease: 128 random bits, new for each refill.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(Id);

impl Token {
    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no random numbers to give.
    #[must_use]
    pub fn random() -> Self {
        Self(Id::random())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_written() {
        let id = Id::random();
        assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        assert_ne!(Id::random(), id);
        for bad in ["", "0", "+0000000000000000000000000000000", &"g".repeat(32), &"0".repeat(33)] {
            assert!(bad.parse::<Id>().is_err(), "{bad}");
        }
    }
}
