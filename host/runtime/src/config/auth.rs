//! How the host authenticates to some servers on behalf of a plugin, which sees nothing of it.

use kiwi_store::{Error, Result};
use url::Url;

use super::http_grant::HttpGrant;
use super::secret_source::SecretSource;

/// Credentials for some hosts. The host adds the header `authorization` to each request there, in place of one that the
/// plugin sets. The plugin needs an HTTP grant for these hosts, too.
///
/// ```
/// use kiwi_host::{Auth, AuthKind, CacheConfig, OAuth2, SecretSource};
///
/// let client_secret = SecretSource::Env("PARTNER_SECRET".into());
/// let partner = Auth {
///     name: "partner".into(),
///     hosts: vec!["https://api.partner.com".parse()?],
///     kind: AuthKind::OAuth2(OAuth2::new("https://login.partner.com/token", "kiwi", client_secret)?),
/// };
/// let mut prices = CacheConfig::new("prices".parse()?, "plugins/http.wasm");
/// prices.grants.http.push("https://api.partner.com".parse()?);
/// prices.grants.auth.push(partner);
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Its name, for messages.
    pub name: String,
    /// Where its credentials are sent. If several of a cache's name the same host, the first one counts.
    pub hosts: Vec<HttpGrant>,
    /// How it authenticates.
    pub kind: AuthKind,
}

/// How the host authenticates. The secrets are read for each load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthKind {
    /// `authorization: Bearer TOKEN`.
    Bearer {
        /// The token.
        token: SecretSource,
    },
    /// `authorization: Basic ...`: a user and a password.
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: SecretSource,
    },
    /// OAuth 2.0 with client credentials (RFC 6749, 4.4): the host fetches a token, keeps it for all loads, and renews it
    /// before it expires.
    OAuth2(OAuth2),
}

/// Where tokens come from, and as whom the host asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OAuth2 {
    token_url: Url,
    /// The client's name.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretSource,
    /// How the two are sent.
    pub client_auth: ClientAuth,
    /// What the token is for, if the server asks for that.
    pub scope: Option<String>,
    /// For which service, if the server asks for that.
    pub audience: Option<String>,
}

/// How an OAuth 2.0 client identifies itself to the server that gives tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// In the header `authorization`, which every server must accept for clients with a secret.
    #[default]
    Basic,
    /// In the body of the request.
    Body,
}

impl OAuth2 {
    /// Client credentials without a scope or an audience.
    ///
    /// # Errors
    /// The URL is not an absolute http or https URL, or has a user, a password or a fragment (`is_invalid`).
    pub fn new(token_url: &str, client_id: impl Into<String>, client_secret: SecretSource) -> Result<Self> {
        let is_valid = |url: &Url| {
            let has_user = !url.username().is_empty() || url.password().is_some();
            matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user && url.fragment().is_none()
        };
        // It is not shown: somebody may have written a password into it.
        let token_url = Url::parse(token_url).ok().filter(is_valid).ok_or_else(|| {
            Error::invalid(
                "not a valid URL for tokens: expected an absolute http or https URL without a user, a password or a \
                 fragment, for example `https://login.example.com/oauth/token`",
            )
        })?;
        let (client_id, client_auth) = (client_id.into(), ClientAuth::default());
        Ok(Self { token_url, client_id, client_secret, client_auth, scope: None, audience: None })
    }

    /// Where tokens come from.
    #[must_use]
    pub fn token_url(&self) -> &str {
        self.token_url.as_str()
    }
}

impl AuthKind {
    /// As kiwi.toml names it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::OAuth2(_) => "oauth2",
        }
    }

    /// Where its secret comes from.
    #[must_use]
    pub fn secret(&self) -> &SecretSource {
        match self {
            Self::Bearer { token } => token,
            Self::Basic { password, .. } => password,
            Self::OAuth2(oauth2) => &oauth2.client_secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_a_url_that_holds_no_secret() {
        let new = |url: &str| OAuth2::new(url, "kiwi", SecretSource::Env("X".into()));
        assert_eq!(new("https://login.example.com/token").unwrap().token_url(), "https://login.example.com/token");
        for bad in ["", "login.example.com", "ftp://h/token", "https://u:s3cret@h/", "https://h/#s3cret", "data:x"] {
            let error = new(bad).unwrap_err();
            assert!(error.is_invalid() && !error.to_string().contains("s3cret"), "{bad}: {error}");
        }
    }
}
