//! Where a secret comes from.

use std::path::PathBuf;

/// Where a secret comes from. It is read anew for each load, so that it can be changed without a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// An environment variable of the host.
    Env(String),
    /// A file, without the line feed at its end.
    File(PathBuf),
}
