//! How to reach a Redis.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

#[cfg(feature = "tls")]
use kiwi_tls::TlsOptions;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use url::Url;

use crate::{Error, Result};

/// How to reach a Redis (or Valkey), and what its keys begin with. Read from a URL:
///
/// - `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`
/// - `rediss://...[?ca=FILE][&cert=FILE&key=FILE]`, the same over TLS (feature `tls`). The server's certificate
///   is checked against those the system trusts, or against those in the PEM file `ca`. `cert` and `key` are the
///   client certificate, for a server that requires one.
/// - `redis+unix:///PATH[?db=DB][&user=USER][&pass=PASSWORD]`, or `unix:///PATH...`
///
/// `Display` and `Debug` show neither user nor password.
///
/// ```
/// use kiwi_store::RedisOptions;
///
/// let options: RedisOptions = "redis://:secret@10.0.0.7".parse()?;
/// let options = options.with_key_prefix("eu:")?;
/// assert_eq!((options.to_string().as_str(), options.key_prefix()), ("redis://10.0.0.7:6379/0", "eu:"));
/// # Ok::<(), kiwi_store::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    address: Address,
    settings: Box<RedisConnectionInfo>,
    key_prefix: String,
}

/// Where the server listens.
#[derive(Clone)]
pub(super) enum Address {
    Tcp { host: String, port: u16, tls: Option<TlsOptions> },
    Unix(PathBuf),
}

impl RedisOptions {
    /// What keys and channels begin with unless another prefix is set.
    pub const DEFAULT_KEY_PREFIX: &'static str = "kiwi:";

    /// The same server, with keys and channels that begin with `prefix`.
    ///
    /// # Errors
    /// `is_invalid` if the prefix has a `{` or `}`: these mark the part of a key that decides
    /// where a cluster keeps it, which must be the cache's name.
    pub fn with_key_prefix(mut self, prefix: &str) -> Result<Self> {
        if prefix.contains(['{', '}']) {
            return Err(Error::invalid(format!(
                "`{}` is not a valid key prefix (expected text without `{{` and `}}`, such as `kiwi:`)",
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

    /// The password, a secret: for a program that derives a key from it.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.settings.password()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn settings(&self) -> &RedisConnectionInfo {
        &self.settings
    }

    /// The user that Redis knows us by.
    pub(super) fn user(&self) -> &str {
        self.settings.username().unwrap_or("default")
    }

    /// Where it is, for people: `HOST:PORT/DB`, or the socket's path.
    pub(super) fn location(&self) -> String {
        let db = self.settings.db();
        match &self.address {
            Address::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}/{db}"),
            Address::Tcp { host, port, .. } => format!("{host}:{port}/{db}"),
            Address::Unix(path) if db == 0 => path.display().to_string(),
            Address::Unix(path) => format!("{}?db={db}", path.display()),
        }
    }
}

impl FromStr for RedisOptions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The text is never repeated: it may hold a password.
        let mut url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        let parameters: &[&str] = match url.scheme() {
            "redis" | "valkey" => &[],
            "rediss" | "valkeys" => &["ca", "cert", "key"],
            "redis+unix" | "valkey+unix" | "unix" => &["db", "user", "pass"],
            _ => return Err(malformed("the scheme is none of these")),
        };
        if let Some((unknown, _)) = url.query_pairs().find(|(key, _)| !parameters.contains(&key.as_ref())) {
            // After an `&` that is not escaped, the rest of a password looks like a parameter: it is not shown.
            if parameters.contains(&"pass") {
                return Err(malformed("it has an unknown parameter (in a password, write `&` as %26)"));
            }
            return Err(malformed(&format!("`?{}=` is not a parameter of such a URL", unknown.escape_debug())));
        }
        if url.fragment().is_some() {
            return Err(malformed("it has a `#`: in a user or password write it as %23"));
        }
        let mut tls = None;
        if matches!(url.scheme(), "rediss" | "valkeys") {
            tls = Some(tls_options(&url)?);
            // redis-rs reads the rest of the URL. It is built without TLS.
            url.set_scheme("redis").map_err(|()| malformed("it has no host"))?;
            url.set_query(None);
        }
        let info = url.into_connection_info().map_err(|error| malformed(&error.to_string()))?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Address::Tcp { host: host.clone(), port: *port, tls },
            ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
            _ => return Err(malformed("its address is neither a host nor a path")),
        };
        let settings = Box::new(info.redis_settings().clone());
        if settings.db() < 0 {
            return Err(malformed("the database number is negative"));
        }
        if settings.username().is_some() && settings.password().is_none() {
            return Err(malformed("there is a user without a password"));
        }
        Ok(Self { address, settings, key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned() })
    }
}

#[cfg(feature = "tls")]
fn tls_options(url: &Url) -> Result<TlsOptions> {
    let file = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, file)| PathBuf::from(&*file));
    let mut options = TlsOptions::new();
    if let Some(ca) = file("ca") {
        options = options.with_ca(ca);
    }
    match (file("cert"), file("key")) {
        (Some(certificate), Some(key)) => Ok(options.with_client_certificate(certificate, key)),
        (None, None) => Ok(options),
        _ => Err(malformed("`cert=` and `key=` belong together, and one of them is missing")),
    }
}

/// Options of which there are none without the feature.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(super) enum TlsOptions {}

#[cfg(not(feature = "tls"))]
fn tls_options(_: &Url) -> Result<TlsOptions> {
    Err(Error::invalid(
        "this build cannot open a `rediss://` store: enable the feature `tls` of the crate kiwi-cache (or kiwi-store), \
         or use `redis://`",
    ))
}

fn malformed(why: &str) -> Error {
    Error::invalid(format!(
        "not a valid URL of a Redis: {why} (expected e.g. redis://127.0.0.1:6379, redis://USER:PASSWORD@HOST:6379/0, \
         rediss://HOST for TLS, or redis+unix:///run/redis.sock?db=0)"
    ))
}

impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.address {
            Address::Tcp { tls: Some(_), .. } => "rediss",
            Address::Tcp { .. } => "redis",
            Address::Unix(_) => "redis+unix",
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
