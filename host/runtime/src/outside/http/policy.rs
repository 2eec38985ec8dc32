//! Which requests a cache's grants allow: by the URL, and again by the address it leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::config::http_grant::HttpGrant;
use crate::failure::{Failure, FailureKind};

/// The HTTP grants of one cache.
#[derive(Debug)]
pub(crate) struct Policy {
    grants: Vec<HttpGrant>,
}

impl Policy {
    pub(crate) fn new(grants: Vec<HttpGrant>) -> Self {
        Self { grants }
    }

    /// Whether a request to this URL may be tried. A name is checked again by the address it
    /// resolves to: see `allows_address`.
    ///
    /// # Errors
    /// No grant names it (`Denied`); it is not an absolute http or https URL (`InvalidSettings`).
    pub(crate) fn check_url(&self, url: &Url) -> Result<(), Failure> {
        let (scheme, port) = (url.scheme(), url.port_or_known_default().unwrap_or_default());
        let Some(host) = url.host().filter(|_| matches!(scheme, "http" | "https")) else {
            return Err(Failure::new(
                FailureKind::InvalidSettings,
                format!("`{}` cannot be requested: expected an absolute http or https URL", without_secrets(url)),
            ));
        };
        let address = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        let host_is_granted = self.grants.iter().any(|grant| grant.allows_host(scheme, &host.to_string(), port));
        if host_is_granted && address.is_none_or(|address| self.allows_address(scheme, address, port)) {
            return Ok(());
        }
        let origin = origin(url);
        Err(Failure::new(
            FailureKind::Denied,
            format!(
                "no grant for `{origin}`: if the plugin may go there, add `http = [\"{origin}\"]` to this cache's grants"
            ),
        ))
    }

    /// Whether a request to this URL may go through a proxy, which resolves the name: the one name that leads to a
    /// special address everywhere is refused here.
    ///
    /// # Errors
    /// It is this name, and no grant names it (`Denied`).
    pub(crate) fn check_proxied(&self, url: &Url) -> Result<(), Failure> {
        let (scheme, port) = (url.scheme(), url.port_or_known_default().unwrap_or_default());
        let name = url.domain().unwrap_or_default().trim_end_matches('.');
        let is_localhost = name == "localhost" || name.ends_with(".localhost");
        if !is_localhost || self.allows_address(scheme, Ipv4Addr::LOCALHOST.into(), port) {
            return Ok(());
        }
        let (origin, port) = (origin(url), url.port().map_or(String::new(), |port| format!(":{port}")));
        let message = format!(
            "`{origin}` is the proxy's own machine: if the plugin may go there, add `http = [\"{scheme}://localhost{port}\"]` \
             to this cache's grants"
        );
        Err(Failure::new(FailureKind::Denied, message))
    }

    /// Whether a connection to this address may be made, whatever name led to it: a special one
    /// only when a grant names the address itself.
    pub(crate) fn allows_address(&self, scheme: &str, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        !is_special(address) || self.grants.iter().any(|grant| grant.names_address(scheme, address, port))
    }
}

/// Whether a grant names the server of this URL.
pub(super) fn allows(grant: &HttpGrant, url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or_default();
    url.host_str().is_some_and(|host| grant.allows_host(url.scheme(), host, port))
}

/// The server of a URL, as a grant names it.
pub(super) fn origin(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// A URL for messages: a query or a password may be a secret.
pub(crate) fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.set_query(url.query().map(|_| "…"));
    shown.set_fragment(None);
    shown.to_string().replace("%E2%80%A6", "…")
}

/// Azure's platform in every virtual machine (metadata, DHCP, health): it looks public, and is not.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Whether an address is not one of the public internet's, so that a name that leads to it is refused unless the
/// address itself is granted: private, loopback, link-local (with the
/// clouds' metadata services), multicast or reserved (IANA's special-purpose registries).
#[must_use]
pub fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => is_special_v6(address),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || address == AZURE
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        // NAT64 and 6to4 lead to the IPv4 address within.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_special_v4(embedded(high, low)),
        [0x2002, high, low, ..] => is_special_v4(embedded(high, low)),
        // Documentation (two ranges); what is set aside for protocols: Teredo, benchmarks, ORCHID and more.
        [0x2001, 0xdb8, ..] | [0x2001, 0..0x200, ..] | [0x3fff, ..] => true,
        // All of the public internet lies in 2000::/3.
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(grants: &[&str]) -> Policy {
        Policy::new(grants.iter().map(|grant| grant.parse().unwrap()).collect())
    }

    fn denied(policy: &Policy, url: &str) -> bool {
        match policy.check_url(&Url::parse(url).unwrap()) {
            Ok(()) => false,
            Err(failure) => failure.kind == FailureKind::Denied,
        }
    }

    #[test]
    fn a_url_needs_a_grant() {
        assert!(denied(&policy(&[]), "https://example.com/"));
        assert!(!denied(&policy(&["https://example.com"]), "https://example.com/a?b"));
        assert!(denied(&policy(&["https://example.com"]), "https://example.com:8443/"));
        let error = policy(&[]).check_url(&Url::parse("https://example.com:8443/?key=secret").unwrap()).unwrap_err();
        assert!(error.message.contains("add `http = [\"https://example.com:8443\"]`"), "{error}");
        let error = policy(&[]).check_url(&Url::parse("file:///etc/passwd").unwrap()).unwrap_err();
        assert_eq!(error.kind, FailureKind::InvalidSettings);
    }

    #[test]
    fn a_wildcard_is_no_grant_for_special_addresses() {
        let all = policy(&["*://*:*"]);
        for special in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "10.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.88.99.1",
            "0.0.0.0",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[64:ff9b::7f00:1]",
            "[::ffff:0:7f00:1]",
            "[2001::1]",
            "[2001:2::1]",
            "[2001:10::1]",
            "[64:ff9b::a83f:8110]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[5f00::1]",
            "[2002:7f00:1::]",
        ] {
            assert!(denied(&all, &format!("http://{special}/")), "{special}");
        }
        for public in [
            "1.1.1.1",
            "168.63.129.17",
            "[2001:4860:4860::8888]",
            "[2001:200::1]",
            "[2606:4700:4700::1111]",
            "example.com",
        ] {
            assert!(!denied(&all, &format!("http://{public}/")), "{public}");
        }
        let named = policy(&["*://*:*", "http://127.0.0.1:8080"]);
        assert!(!denied(&named, "http://127.0.0.1:8080/"));
        assert!(denied(&named, "http://127.0.0.1:6379/"));
        assert!(named.allows_address("http", "::ffff:127.0.0.1".parse().unwrap(), 8080));
        assert!(!named.allows_address("http", "127.0.0.1".parse().unwrap(), 6379));
    }

    #[test]
    fn messages_show_no_secrets() {
        let url = Url::parse("https://user:pw@example.com/a?token=s3cret#x").unwrap();
        assert_eq!(without_secrets(&url), "https://example.com/a?…");
    }
}
