//! Where a secret comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a secret comes from. It is read anew for each load, so that it can be changed without a restart: a file may be
/// replaced at any time. (The environment of a process that runs can only be changed from within.)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// An environment variable of the host.
    Env(String),
    /// A file, without the line feed at its end.
    File(PathBuf),
}

/// For messages: where the secret comes from, and never the secret.
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{}`", name.escape_debug()),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}
