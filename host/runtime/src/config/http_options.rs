//! How the HTTP requests of all plugins leave this machine: through which proxy, and with which certificates.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use kiwi_store::{Error, Result};
use url::Url;

use super::secret_source::SecretSource;

/// How the HTTP requests of all plugins leave this machine. Default: without a proxy (also if the environment names
/// one), and with the certificates that the system trusts.
///
/// ```
/// use kiwi_host::{HttpOptions, Proxy};
///
/// let options = HttpOptions {
///     proxy: Some(Proxy::new("http://proxy.example.com:3128")?.except(["intranet.example.com".parse()?])),
///     ca: Some("/etc/ssl/company.pem".into()),
///     ..HttpOptions::default()
/// };
/// # drop(options);
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// The proxy that requests go through.
    pub proxy: Option<Proxy>,
    /// A PEM file with certificates that are trusted in addition to those that the system trusts. It may be replaced
    /// while the host runs.
    pub ca: Option<PathBuf>,
    /// How the host identifies itself to servers that ask for a certificate.
    pub client_certificate: Option<ClientCertificate>,
}

/// A client certificate: two PEM files, which may be replaced while the host runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An HTTP proxy. `Debug` shows no user and no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) address: ProxyAddress,
    except: Vec<NoProxy>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ProxyAddress {
    Url(Url),
    /// Its URL is a secret, because there is a password in it.
    Secret(SecretSource),
}

/// A host that is reached without the proxy: a name (with all names below it), an address, a range of addresses such as
/// `10.0.0.0/8`, or `*` for every host. A name is not resolved: a range covers only addresses that stand in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoProxy(Host);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Name(String),
    Range(IpNet),
}

impl Proxy {
    /// The proxy at this URL: `http://HOST:PORT` or `https://HOST:PORT`, with `USER:PASSWORD@` where it asks for that.
    ///
    /// # Errors
    /// It is not such a URL (`is_invalid`).
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { address: ProxyAddress::Url(parse_proxy_url(url)?), except: Vec::new() })
    }

    /// A proxy whose URL is read as a secret is.
    #[must_use]
    pub fn from_secret(url: SecretSource) -> Self {
        Self { address: ProxyAddress::Secret(url), except: Vec::new() }
    }

    /// The hosts that are reached without it.
    #[must_use]
    pub fn except(mut self, hosts: impl IntoIterator<Item = NoProxy>) -> Self {
        self.except.extend(hosts);
        self
    }

    /// Where its URL is read, if it is a secret.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretSource> {
        match &self.address {
            ProxyAddress::Url(_) => None,
            ProxyAddress::Secret(source) => Some(source),
        }
    }

    /// Whether requests to this host, as it stands in a URL, go through it.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        !self.except.iter().any(|except| except.covers(host))
    }
}

/// # Errors
/// It is not the URL of a proxy. The message does not show it: there may be a password in it.
pub(crate) fn parse_proxy_url(url: &str) -> Result<Url> {
    let is_valid = |url: &Url| {
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare
    };
    Url::parse(url).ok().filter(is_valid).ok_or_else(|| {
        Error::invalid("not a valid URL of a proxy: expected `http://HOST:PORT`, `https://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`")
    })
}

impl NoProxy {
    fn covers(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        match (&self.0, host.parse::<IpAddr>()) {
            (Host::Any, _) => true,
            (Host::Range(range), Ok(address)) => range.contains(&address),
            (Host::Name(name), Err(_)) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

impl FromStr for NoProxy {
    type Err = Error;

    fn from_str(written: &str) -> Result<Self> {
        if written == "*" {
            return Ok(Self(Host::Any));
        }
        let address = written.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            return Ok(Self(Host::Range(address.into())));
        }
        if let Ok(range) = written.parse::<IpNet>() {
            return Ok(Self(Host::Range(range)));
        }
        let name = written.strip_prefix("*.").or(written.strip_prefix('.')).unwrap_or(written).to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        if !name.split('.').all(is_label) {
            return Err(Error::invalid(format!(
                "`{}` is not a valid host without a proxy: expected a name such as `example.com` (with all names below \
                 it), an address, a range such as `10.0.0.0/8`, or `*`",
                written.escape_debug()
            )));
        }
        Ok(Self(Host::Name(name)))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Proxy");
        match &self.address {
            ProxyAddress::Url(url) => shown.field("url", &url.origin().ascii_serialization()),
            ProxyAddress::Secret(source) => shown.field("url", source),
        };
        shown.field("except", &self.except).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_shows_no_password() {
        let proxy = Proxy::new("http://bob:s3cret@proxy.example.com:3128").unwrap();
        let shown = format!("{proxy:?}");
        assert!(shown.contains("proxy.example.com:3128") && !shown.contains("s3cret") && !shown.contains("bob"));
        for bad in ["", "proxy:3128", "socks5://u:s3cret@proxy:1080", "http://u:s3cret@proxy:3128/path", "s3cret"] {
            let error = Proxy::new(bad).unwrap_err();
            assert!(error.is_invalid() && !error.to_string().contains("s3cret"), "{bad}: {error}");
        }
    }

    #[test]
    fn some_hosts_are_reached_without_the_proxy() {
        let except = ["example.com", ".intranet", "*.corp.example", "10.0.0.0/8", "[::1]", "127.0.0.1"];
        let except = except.map(|written| written.parse().unwrap());
        let proxy = Proxy::new("http://proxy:3128").unwrap().except(except);
        for direct in [
            "example.com",
            "API.example.com",
            "example.com.",
            "wiki.intranet",
            "a.corp.example",
            "10.1.2.3",
            "[::1]",
            "127.0.0.1",
        ] {
            assert!(!proxy.serves(direct), "{direct}");
        }
        for through in ["evilexample.com", "example.org", "11.0.0.1", "[::2]", "localhost"] {
            assert!(proxy.serves(through), "{through}");
        }
        assert!(!Proxy::new("http://proxy:3128").unwrap().except(["*".parse().unwrap()]).serves("example.org"));
        for bad in ["", "a b", "http://a", "a..b", "a:80"] {
            assert!(bad.parse::<NoProxy>().unwrap_err().is_invalid(), "{bad}");
        }
    }
}
