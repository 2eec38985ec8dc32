//! Who asks for a lease: a host, under one definition of the cache.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Id, Token};

/// Names one definition of a cache: what loads it, and with which settings. Hosts with the same one count
/// their failures together. The host computes it, so that nobody can read the settings out of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefinitionId(u128);

impl DefinitionId {
    /// The definition with this digest.
    #[must_use]
    pub fn of(digest: u128) -> Self {
        Self(digest)
    }
}

impl fmt::Display for DefinitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for DefinitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DefinitionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The same 32 digits as an id.
        text.parse::<Id>().map(|id| Self(id.bits()))
    }
}

/// Who asks for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Names the lease: a new one for each refill.
    pub token: Token,
    /// Under which definition the host loads.
    pub definition: DefinitionId,
    /// The host, for people.
    pub host: String,
}

impl Holder {
    /// A holder with a new token.
    pub fn new(definition: DefinitionId, host: impl Into<String>) -> Self {
        Self { token: Token::random(), definition, host: host.into() }
    }

    /// One without a definition or a name, for a program that is no host.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(DefinitionId(0), "")
    }
}
