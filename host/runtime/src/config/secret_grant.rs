//! A secret that a plugin may send without seeing it.

use super::http_grant::HttpGrant;
use super::secret_source::SecretSource;

/// The longest name of a secret.
const MAX_NAME_BYTES: usize = 64;

/// A secret that a plugin may send in the header of a request, and where to. The plugin writes `${secret:NAME}` and
/// never sees the secret: the host puts it in its place when the request leaves.
///
/// The plugin needs an HTTP grant for the same origin, too.
///
/// ```
/// use kiwi_host::{CacheConfig, SecretGrant, SecretSource};
///
/// let api = "https://api.example.com";
/// let mut rates = CacheConfig::new("rates".parse()?, "plugins/http.wasm");
/// rates.grants.http.push(api.parse()?);
/// rates.grants.secrets.push(SecretGrant {
///     name: "api_token".into(),
///     source: SecretSource::File("/run/secrets/api_token".into()),
///     origins: vec![api.parse()?],
/// });
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretGrant {
    /// Its name in the placeholder: see [`is_secret_name`].
    pub name: String,
    /// Where the host reads it.
    pub source: SecretSource,
    /// Where it may be sent.
    pub origins: Vec<HttpGrant>,
}

/// Whether a secret can have this name: 1 to 64 letters, digits, `_` or `-`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_valid)
}
