//! How to reach a Redis.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use url::Url;

use crate::{Error, Result};

/// How to reach a Redis (or Valkey), and what its keys begin with. Read from a URL:
///
/// - `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`
/// - `rediss://...[?ca=FILE]`, the same over TLS. The server's certificate is checked against the
///   system's trusted ones, or against those in a PEM file.
/// - `redis+unix:///PATH[?db=DB][&user=USER][&pass=PASSWORD]`, or `unix:///PATH...`
///
/// `Display` and `Debug` show neither user nor password.
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) connection: Box<ConnectionInfo>,
    pub(super) key_prefix: String,
    ca: Option<PathBuf>,
}

impl RedisOptions {
    /// What keys and channels begin with unless told otherwise.
    pub const DEFAULT_KEY_PREFIX: &'static str = "kiwi:";

    /// The same server, with keys and channels that begin with `prefix`.
    ///
    /// # Errors
    /// `is_invalid` if the prefix has a `{` or `}`: these mark the part of a key that decides
    /// where a cluster keeps it, which must be the cache's name.
    pub fn with_key_prefix(mut self, prefix: &str) -> Result<Self> {
        if prefix.contains(['{', '}']) {
            return Err(Error::invalid(format!(
                "`{}` cannot be a key prefix: expected text without `{{` and `}}`, such as `kiwi:`",
                prefix.escape_debug()
            )));
        }
        self.key_prefix = prefix.to_owned();
        Ok(self)
    }

    /// What keys and channels begin with.
    #[must_use]
    pub fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// A client, which does not connect yet.
    pub(super) fn client(&self) -> Result<Client> {
        let unusable = |error: RedisError| Error::invalid(format!("Redis at {}: {error}", self.location()));
        let Some(ca) = &self.ca else { return Client::open(*self.connection.clone()).map_err(unusable) };
        let pem = std::fs::read(ca).map_err(|error| {
            let ca = ca.display();
            Error::invalid(format!(
                "expected certificates (PEM) in `{ca}`, which `?ca=` in the store's URL names: {error}"
            ))
        })?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
        Client::build_with_tls(*self.connection.clone(), certificates).map_err(unusable)
    }

    /// Where it is, for people: `HOST:PORT/DB`, or the socket's path.
    pub(super) fn location(&self) -> String {
        let db = self.connection.redis_settings().db();
        match self.connection.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } if host.contains(':') => {
                format!("[{host}]:{port}/{db}")
            }
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                format!("{host}:{port}/{db}")
            }
            addr if db == 0 => addr.to_string(),
            addr => format!("{addr}?db={db}"),
        }
    }
}

impl FromStr for RedisOptions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Whatever is wrong, the text is not repeated: it may hold a password.
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        let query: &[&str] = match url.scheme() {
            "redis" | "valkey" => &[],
            "rediss" | "valkeys" => &["ca"],
            "redis+unix" | "valkey+unix" | "unix" => &["db", "user", "pass"],
            _ => return Err(malformed("the scheme is none of these")),
        };
        if let Some((unknown, _)) = url.query_pairs().find(|(key, _)| !query.contains(&key.as_ref())) {
            return Err(malformed(&format!("`?{}=` means nothing here", unknown.escape_debug())));
        }
        if url.fragment().is_some() {
            return Err(malformed("it has a `#`: in a user or password write it as %23"));
        }
        let ca = url.query_pairs().find(|(key, _)| key == "ca").map(|(_, file)| PathBuf::from(&*file));
        let connection = Box::new(url.into_connection_info().map_err(|error| malformed(&error.to_string()))?);
        let settings = connection.redis_settings();
        if settings.db() < 0 {
            return Err(malformed("the database number is negative"));
        }
        if settings.username().is_some() && settings.password().is_none() {
            return Err(malformed("there is a user without a password"));
        }
        Ok(Self { connection, key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(), ca })
    }
}

fn malformed(why: &str) -> Error {
    Error::invalid(format!(
        "expected the URL of a Redis, such as redis://127.0.0.1:6379, redis://USER:PASSWORD@HOST:6379/0, rediss://HOST \
         for TLS, or redis+unix:///run/redis.sock?db=0; but {why}"
    ))
}

impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.connection.addr() {
            ConnectionAddr::TcpTls { .. } => "rediss",
            ConnectionAddr::Unix(_) => "redis+unix",
            _ => "redis",
        };
        write!(f, "{scheme}://{}", self.location())
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("url", &format_args!("{self}"))
            .field("key_prefix", &self.key_prefix)
            .finish()
    }
}
