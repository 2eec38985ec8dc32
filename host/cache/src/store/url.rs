//! How a store is named on a command line, in an environment variable or in kiwi.toml.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::redis::RedisOptions;
use crate::{Error, Result};

/// Which store, as a person names it: `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://` the
/// same over TLS, `redis+unix:///PATH[?db=N&user=U&pass=P]`, or `file:DIR` for the embedded one.
///
/// `Display` and `Debug` never show a password.
#[derive(Clone, Debug)]
pub enum StoreUrl {
    /// A Redis (or Valkey) server.
    Redis(RedisOptions),
    /// The embedded store in this directory.
    Embedded(PathBuf),
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let _ = text;
        Err(Error::invalid("stub"))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(options) => options.fmt(f),
            Self::Embedded(dir) => write!(f, "file:{}", dir.display()),
        }
    }
}
