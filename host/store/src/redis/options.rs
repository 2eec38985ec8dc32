//! How to reach a Redis.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

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
/// All of them take `?connect_timeout=3s` and `&response_timeout=10s`, of which these are the defaults.
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
    connect_timeout: Duration,
    response_timeout: Duration,
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

    /// How long connecting may take unless another time is set.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    /// How long a reply may take unless another time is set. (The default of redis-rs is half a second, and a server
    /// may be busy for longer with another client's command.)
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

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

    /// How long connecting may take, from the name look-up until the server has accepted the user and password.
    ///
    /// # Errors
    /// `is_invalid` if it is zero.
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Result<Self> {
        self.connect_timeout = not_zero("connect_timeout", connect_timeout)?;
        Ok(self)
    }

    /// How long a reply may take. A whole map in one reply may take six times as long: at the server, and on the
    /// network.
    ///
    /// # Errors
    /// `is_invalid` if it is zero.
    pub fn with_response_timeout(mut self, response_timeout: Duration) -> Result<Self> {
        self.response_timeout = not_zero("response_timeout", response_timeout)?;
        Ok(self)
    }

    /// How long connecting may take.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// How long a reply may take.
    #[must_use]
    pub fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// How long a whole map in one reply may take.
    pub(super) fn bulk_timeout(&self) -> Duration {
        self.response_timeout.saturating_mul(6)
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
        let is_known = |key: &str| parameters.contains(&key) || TIMEOUTS.contains(&key);
        if let Some((unknown, _)) = url.query_pairs().find(|(key, _)| !is_known(key)) {
            // After an `&` that is not escaped, the rest of a password looks like a parameter: it is not shown.
            if parameters.contains(&"pass") {
                return Err(malformed("it has an unknown parameter (in a password, write `&` as %26)"));
            }
            let known: Vec<String> = parameters.iter().chain(&TIMEOUTS).map(|key| format!("`{key}`")).collect();
            return Err(malformed(&format!(
                "`?{}=` is not a parameter of such a URL, which can have {}",
                unknown.escape_debug(),
                known.join(", ")
            )));
        }
        if url.fragment().is_some() {
            return Err(malformed("it has a `#`: in a user or password write it as %23"));
        }
        let [connect_timeout, response_timeout] = TIMEOUTS.map(|name| timeout(&url, name));
        let mut tls = None;
        if matches!(url.scheme(), "rediss" | "valkeys") {
            tls = Some(tls_options(&url)?);
            // redis-rs reads the rest of the URL. It is built without TLS.
            url.set_scheme("redis").map_err(|()| malformed("it has no host"))?;
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
        Ok(Self {
            address,
            settings,
            key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(),
            connect_timeout: connect_timeout?.unwrap_or(Self::DEFAULT_CONNECT_TIMEOUT),
            response_timeout: response_timeout?.unwrap_or(Self::DEFAULT_RESPONSE_TIMEOUT),
        })
    }
}

/// The parameters that every URL of a Redis can have.
const TIMEOUTS: [&str; 2] = ["connect_timeout", "response_timeout"];

fn timeout(url: &Url, name: &str) -> Result<Option<Duration>> {
    let Some((_, text)) = url.query_pairs().find(|(key, _)| key == name) else { return Ok(None) };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let millis = unit.and_then(|unit| digits.parse::<u32>().ok().map(|number| u64::from(number) * unit));
    match millis {
        Some(millis) => not_zero(name, Duration::from_millis(millis)).map(Some),
        None => Err(malformed(&format!(
            "`{name}={}` is not a valid duration (expected e.g. `3s` or `500ms`)",
            text.escape_debug()
        ))),
    }
}

fn not_zero(name: &str, timeout: Duration) -> Result<Duration> {
    if timeout.is_zero() {
        return Err(Error::invalid(format!("the `{name}` of a Redis is 0: expected a longer time, e.g. `3s`")));
    }
    Ok(timeout)
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
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish()
    }
}
