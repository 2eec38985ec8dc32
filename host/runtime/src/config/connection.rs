//! A database that the operator names, so that plugins know a name and never an address or a password.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use kiwi_store::{Error, Result};

use super::secret_source::SecretSource;

/// How many loads may use a connection at a time, unless told otherwise.
const DEFAULT_MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(2).expect("two");

/// A database that plugins may read, by its name.
///
/// MySQL and MariaDB use the process's default provider of rustls for TLS. If there is none yet, that of aws-lc-rs becomes it:
/// a program that wants another one installs it before it starts a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name by which plugins ask for it.
    pub name: String,
    /// Where it is.
    pub url: DatabaseUrl,
    /// The password, in place of one in the URL.
    pub password: Option<SecretSource>,
    /// How the connection is protected.
    pub tls: DatabaseTls,
    /// How many loads may use it at a time; each takes one connection for as long as it needs. Default: 2. All caches of a
    /// host that are granted an equal `Connection` share these. One that differs in anything counts by itself, also while
    /// loads of one that it replaces go on.
    pub max_connections: NonZeroUsize,
    /// The longest wait for a free connection, and for each answer of the database. Default: as long as a load may take.
    pub timeout: Option<Duration>,
}

impl Connection {
    /// A connection, with the defaults for all but its URL, such as `postgres://reader@db.example.com/shop`.
    ///
    /// # Errors
    /// The name is empty, or has other characters than ASCII letters, digits, `-` and `_`.
    pub fn new(name: impl Into<String>, url: DatabaseUrl) -> Result<Self> {
        let name = name.into();
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if name.is_empty() || !name.chars().all(fits) {
            let shown = name.escape_debug();
            return Err(Error::invalid(format!(
                "`{shown}` is not a valid name of a connection (expected letters, digits, `-` and `_`)"
            )));
        }
        let tls = DatabaseTls::default();
        Ok(Self { name, url, password: None, tls, max_connections: DEFAULT_MAX_CONNECTIONS, timeout: None })
    }
}

/// Where a database is: `postgres://`, `mysql://`, `mariadb://` or `sqlite:`. It may hold a password, so it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The URL itself.
    Plain(String),
    /// Where the URL comes from.
    Secret(SecretSource),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Plain(..)"),
            Self::Secret(source) => f.debug_tuple("Secret").field(source).finish(),
        }
    }
}

/// How a connection to a database is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DatabaseTls {
    /// As with `VerifyFull`; but without TLS on the same machine (a loopback address or a socket).
    #[default]
    Default,
    /// Without TLS.
    Off,
    /// With TLS, and the server must prove that it is the one named.
    VerifyFull {
        /// A PEM file with the certificates to trust, in place of those that the system trusts.
        ca: Option<PathBuf>,
        /// PEM files with the client's certificate and its private key.
        client: Option<(PathBuf, PathBuf)>,
    },
}
