//! Whether names resolve and hosts can be reached: those of HTTP grants, that of statsd, the proxy, and those that give
//! tokens.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kiwi_host::{AuthKind, CacheConfig, HttpGrant, Proxy, is_special_address, proxy_address};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use url::{Host, Url};

use super::report::Finding;
use crate::config::{Config, Statsd};

/// How long one name may take to resolve, and then one host to accept a connection.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A host that is granted by its name or address, without a wildcard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The host of a grant, if the grant names one host and one port.
    fn of(grant: &HttpGrant) -> Option<Self> {
        let url = Url::parse(&grant.to_string()).ok().filter(|url| url.path() == "/")?;
        let host = match url.host()? {
            Host::Domain(name) if name.contains('*') => return None,
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Some(Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default()? })
    }

    /// Why requests to it would fail. `grants` are all of the cache.
    async fn problem(&self, grants: &[HttpGrant]) -> Option<String> {
        let Self { host, port, .. } = self;
        let found = match resolve(host, *port).await {
            Ok(found) => found,
            Err(error) => return Some(format!("the granted host `{host}` cannot be resolved: {error}")),
        };
        let allowed = match self.allowed(found, grants) {
            Ok(allowed) => allowed,
            Err(refused) => return Some(refused),
        };
        connect(&allowed).await.err().map(|why| format!("the granted host `{host}` {why}"))
    }

    /// The addresses that requests may go to, or why there are none.
    fn allowed(&self, found: Vec<SocketAddr>, grants: &[HttpGrant]) -> Result<Vec<SocketAddr>, String> {
        let Self { scheme, host, port } = self;
        let is_allowed = |address: &SocketAddr| {
            let granted = grants.iter().any(|grant| grant.names_address(scheme, address.ip(), *port));
            !is_special_address(address.ip()) || granted
        };
        let (allowed, refused): (Vec<_>, Vec<_>) = found.into_iter().partition(is_allowed);
        match refused.first() {
            Some(address) if allowed.is_empty() => Err(format!(
                "the granted host `{host}` resolves to {}, which is not an address of the public internet, so requests \
                 would be denied: if the plugin may go there, add `{scheme}://{address}` to `grants.http`, beside the name",
                address.ip()
            )),
            _ => Ok(allowed),
        }
    }
}

/// Checks all hosts that are granted by name or address, at the same time. What goes through a proxy cannot be checked
/// from here.
pub(super) async fn check_grants(caches: &[CacheConfig], proxy: Option<&Proxy>) -> Vec<Finding> {
    let mut checks = JoinSet::new();
    let is_direct = |origin: &Origin| proxy.is_none_or(|proxy| !proxy.serves(&origin.host));
    for (index, cache) in caches.iter().enumerate() {
        let mut origins: Vec<Origin> = cache.grants.http.iter().filter_map(Origin::of).filter(is_direct).collect();
        origins.sort();
        origins.dedup();
        for origin in origins {
            let (subject, grants) = (format!("cache `{}`", cache.name), cache.grants.http.clone());
            checks.spawn(async move {
                let problem = origin.problem(&grants).await;
                problem.map(|message| ((index, origin), Finding::warning(&subject, message)))
            });
        }
    }
    let found: BTreeMap<_, _> = checks.join_all().await.into_iter().flatten().collect();
    found.into_values().collect()
}

/// Checks the proxy, and the servers that give tokens.
pub(super) async fn check_around(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let proxy = config.http.proxy.as_ref();
    // That its URL cannot be read is reported with the other secrets.
    if let Some((host, port)) = proxy.and_then(|proxy| proxy_address(proxy).ok()) {
        findings.extend(unreachable(&host, port).await.map(|why| Finding::warning("http", format!("the proxy {why}"))));
    }
    for auth in config.credentials.all_auth() {
        let AuthKind::OAuth2(oauth2) = &auth.kind else { continue };
        let url = Url::parse(oauth2.token_url()).ok();
        let Some((host, port)) = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)))
        else {
            continue;
        };
        if proxy.is_none_or(|proxy| !proxy.serves(host)) {
            let message = unreachable(host, port).await.map(|why| format!("the server of `token_url` {why}"));
            findings.extend(message.map(|message| Finding::warning(&format!("auth `{}`", auth.name), message)));
        }
    }
    findings
}

/// Why a host that the operator names cannot be reached.
async fn unreachable(host: &str, port: u16) -> Option<String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match resolve(host, port).await {
        Ok(found) => connect(&found).await.err().map(|why| format!("`{host}` {why}")),
        Err(error) => Some(format!("`{host}` cannot be resolved: {error}")),
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<(), String> {
    let at = addresses.first().map_or(String::new(), |address| format!(" at {address}"));
    let connected = within(TcpStream::connect(addresses)).await;
    connected.map(drop).map_err(|error| format!("cannot be reached{at}: {error}"))
}

/// Whether the name of the statsd server resolves: a host does not start otherwise.
pub(super) async fn check_statsd(statsd: &Statsd) -> Option<Finding> {
    let (host, port) = statsd.address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let error = resolve(host, port.parse().ok()?).await.err()?;
    let message = format!("`{host}` cannot be resolved: {error}; correct `statsd` in kiwi.toml, or remove it");
    Some(Finding::error("statsd", message))
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = within(lookup_host((host, port))).await?.collect();
    if found.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(found) }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::other(format!("no answer within {}s", TIMEOUT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_hosts_are_asked() {
        let origin = |grant: &str| Origin::of(&grant.parse().unwrap()).map(|origin| (origin.host, origin.port));
        assert_eq!(origin("https://api.example.com"), Some(("api.example.com".into(), 443)));
        assert_eq!(origin("http://127.0.0.1:8080"), Some(("127.0.0.1".into(), 8080)));
        assert_eq!(origin("http://[::1]:8080"), Some(("::1".into(), 8080)));
        for wide in ["https://*.example.com", "https://*", "*://h", "http://10.0.0.0/8", "http://h:1..9", "http://h:*"]
        {
            assert_eq!(origin(wide), None, "{wide}");
        }
    }

    #[test]
    fn a_name_that_leads_to_a_private_address_needs_a_grant_of_the_address() {
        let grants = |written: &[&str]| written.iter().map(|grant| grant.parse().unwrap()).collect::<Vec<HttpGrant>>();
        let name = grants(&["http://intranet.example:8080"]);
        let origin = Origin::of(&name[0]).unwrap();
        let (private, public) = ("10.0.0.5:8080".parse().unwrap(), "1.1.1.1:8080".parse().unwrap());
        let refused = origin.allowed(vec![private], &name).unwrap_err();
        assert!(
            refused.contains("resolves to 10.0.0.5") && refused.contains("add `http://10.0.0.5:8080`"),
            "{refused}"
        );
        assert_eq!(origin.allowed(vec![private, public], &name).unwrap(), [public]);
        let both = grants(&["http://intranet.example:8080", "http://10.0.0.5:8080"]);
        assert_eq!(origin.allowed(vec![private], &both).unwrap(), [private]);
    }
}
