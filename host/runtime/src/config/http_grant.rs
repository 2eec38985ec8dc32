//! Where a plugin may send HTTP requests.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use kiwi_store::{Error, Result};

/// Where a plugin may send HTTP requests, in Spin's syntax: `SCHEME://HOST[:PORT]`.
///
/// - SCHEME: `http`, `https`, or `*` for both.
/// - HOST: a name, `*.example.com` for all names below it, `*` for every name, an address, or a
///   range of addresses such as `10.0.0.0/8`.
/// - PORT: a number, a range such as `8000..8100` (its end excluded), `*`, or nothing for the
///   scheme's own.
///
/// A name that resolves to a private, loopback, link-local or otherwise special address is refused
/// unless that address is granted too, as an address or a range (or as `localhost`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    scheme: Option<Scheme>,
    host: Host,
    ports: RangeInclusive<u16>,
    written: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    Name(String),
    Below(String),
    Range(IpNet),
}

impl HttpGrant {
    /// Whether it grants requests to this scheme, host as it stands in the URL, and port.
    #[must_use]
    pub fn allows_host(&self, scheme: &str, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let host_matches = match (&self.host, host.parse::<IpAddr>()) {
            (Host::Range(range), Ok(address)) => range.contains(&address),
            (Host::Any, _) => true,
            (Host::Name(name), Err(_)) => *name == host,
            (Host::Below(parent), Err(_)) => is_below(&host, parent),
            (Host::Range(_), Err(_)) | (Host::Name(_) | Host::Below(_), Ok(_)) => false,
        };
        host_matches && self.allows_scheme_and_port(scheme, port)
    }

    /// Whether it names this very address, or its range: what special addresses need.
    #[must_use]
    pub fn names_address(&self, scheme: &str, address: IpAddr, port: u16) -> bool {
        let named = match &self.host {
            Host::Range(range) => range.contains(&address),
            Host::Name(name) => name == "localhost" && address.is_loopback(),
            Host::Any | Host::Below(_) => false,
        };
        named && self.allows_scheme_and_port(scheme, port)
    }

    /// Whether it allows all that another one allows.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let covers_host = match (&self.host, &other.host) {
            (Host::Any, _) => true,
            (Host::Name(name), Host::Name(other)) => name == other,
            (Host::Below(parent), Host::Name(name)) => is_below(name, parent),
            (Host::Below(parent), Host::Below(other)) => other == parent || is_below(other, parent),
            (Host::Range(range), Host::Range(other)) => range.contains(other),
            _ => false,
        };
        let covers_ports = |scheme: Scheme| {
            let scheme = scheme.as_str();
            let (first, last) = other.ports_of(scheme).into_inner();
            self.allows_scheme_and_port(scheme, first) && self.allows_scheme_and_port(scheme, last)
        };
        let schemes = [Scheme::Http, Scheme::Https].into_iter();
        covers_host && schemes.filter(|&scheme| other.scheme.is_none_or(|only| only == scheme)).all(covers_ports)
    }

    /// Whether it allows requests without encryption to another machine.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        let stays_here = match &self.host {
            Host::Range(range) => range.network().is_loopback() && range.broadcast().is_loopback(),
            Host::Name(name) => name == "localhost",
            Host::Any | Host::Below(_) => false,
        };
        self.scheme != Some(Scheme::Https) && !stays_here
    }

    fn ports_of(&self, scheme: &str) -> RangeInclusive<u16> {
        let default_port = if scheme == "https" { 443 } else { 80 };
        if self.ports == (0..=0) { default_port..=default_port } else { self.ports.clone() }
    }

    fn allows_scheme_and_port(&self, scheme: &str, port: u16) -> bool {
        let scheme_matches = match self.scheme {
            None => scheme == "http" || scheme == "https",
            Some(only) => only.as_str() == scheme,
        };
        scheme_matches && self.ports_of(scheme).contains(&port)
    }
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

impl FromStr for HttpGrant {
    type Err = Error;

    fn from_str(written: &str) -> Result<Self> {
        parse(written).ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a valid HTTP grant: expected SCHEME://HOST[:PORT], for example `https://api.example.com`, \
                 `https://*.example.com` or `http://127.0.0.1:8080`",
                written.escape_debug()
            ))
        })
    }
}

fn parse(written: &str) -> Option<HttpGrant> {
    let (scheme, rest) = written.split_once("://")?;
    let scheme = match scheme {
        "*" => None,
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => match bracketed.split_once(']')? {
            (host, _) if !host.contains(':') => return None,
            (host, "") => (host, None),
            (host, port) => (host, Some(port.strip_prefix(':')?)),
        },
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    Some(HttpGrant { scheme, host: parse_host(host)?, ports: parse_ports(port)?, written: written.to_owned() })
}

fn parse_host(host: &str) -> Option<Host> {
    if host == "*" {
        return Some(Host::Any);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(Host::Range(address.into()));
    }
    if let Ok(range) = host.parse::<IpNet>() {
        return Some(Host::Range(range));
    }
    let (below, name) = host.strip_prefix("*.").map_or((false, host), |name| (true, name));
    let labels_fit = name
        .split('.')
        .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    let name = name.to_ascii_lowercase();
    (labels_fit && !ends_in_number(&name)).then_some(if below { Host::Below(name) } else { Host::Name(name) })
}

/// Whether a URL has an address where this stands: `127.1` and `0x7f.1` are 127.0.0.1 there, so no name ends like this.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hexadecimal)
}

/// The ports granted; `0..=0` stands for the scheme's own.
fn parse_ports(port: Option<&str>) -> Option<RangeInclusive<u16>> {
    let Some(port) = port else { return Some(0..=0) };
    if port == "*" {
        return Some(1..=u16::MAX);
    }
    if let Some((first, end)) = port.split_once("..") {
        let (first, end) = (parse_port(first)?, parse_port(end)?);
        return (first < end).then(|| first..=end - 1);
    }
    let port = parse_port(port)?;
    Some(port..=port)
}

/// Digits only: a number of Rust may also begin with `+`.
fn parse_port(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|&port| is_number && port > 0)
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(written: &str) -> HttpGrant {
        written.parse().unwrap()
    }

    #[test]
    fn a_grant_names_scheme_host_and_port() {
        let api = grant("https://api.example.com");
        assert!(api.allows_host("https", "API.example.com", 443));
        assert!(api.allows_host("https", "api.example.com.", 443));
        assert!(!api.allows_host("http", "api.example.com", 80));
        assert!(!api.allows_host("https", "api.example.com", 8443));
        assert!(!api.allows_host("https", "evil-api.example.com", 443));
        assert!(grant("http://127.0.0.1:8080").allows_host("http", "127.0.0.1", 8080));
        assert!(grant("http://[::1]:8080").allows_host("http", "[::1]", 8080));
        assert!(grant("http://h:8000..8002").allows_host("http", "h", 8001));
        assert!(!grant("http://h:8000..8002").allows_host("http", "h", 8002));
        assert!(grant("*://h:*").allows_host("https", "h", 1));
    }

    #[test]
    fn a_wildcard_covers_names_below_and_never_addresses() {
        let below = grant("https://*.example.com");
        assert!(below.allows_host("https", "a.b.example.com", 443));
        assert!(!below.allows_host("https", "example.com", 443));
        assert!(!below.allows_host("https", "evilexample.com", 443));
        assert!(!below.names_address("https", "127.0.0.1".parse().unwrap(), 443));
        assert!(!grant("*://*:*").names_address("http", "127.0.0.1".parse().unwrap(), 80));
        assert!(grant("http://localhost").names_address("http", "::1".parse().unwrap(), 80));
        assert!(!grant("http://localhost").names_address("http", "10.0.0.1".parse().unwrap(), 80));
        assert!(grant("http://10.0.0.0/8").names_address("http", "10.1.2.3".parse().unwrap(), 80));
    }

    #[test]
    fn a_grant_covers_what_is_within_it() {
        let covers = |wide: &str, narrow: &str| grant(wide).covers(&grant(narrow));
        for (wide, narrow) in [
            ("https://api.example.com", "https://API.example.com"),
            ("https://api.example.com", "https://api.example.com:443"),
            ("*://api.example.com", "http://api.example.com:80"),
            ("https://*.example.com", "https://*.eu.example.com"),
            ("https://*.example.com", "https://*.example.com"),
            ("*://*:*", "*://*.example.com:8000..9000"),
            ("http://10.0.0.0/8:8000..9000", "http://10.1.0.0/16:8001..8010"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("https://api.example.com", "*://api.example.com"),
            ("https://api.example.com", "https://api.example.com:8443"),
            ("https://*.example.com", "https://example.com"),
            ("https://*.example.com", "https://*"),
            ("https://api.example.com:443..445", "https://api.example.com:444..446"),
            ("http://10.0.0.0/16", "http://10.0.0.0/8"),
            ("http://*.example.com", "http://10.0.0.1"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
        for readable in ["http://api.example.com", "*://api.example.com", "http://0.0.0.0/0", "*://*:*"] {
            assert!(grant(readable).is_readable_on_the_way(), "{readable}");
        }
        for safe in ["https://*", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"] {
            assert!(!grant(safe).is_readable_on_the_way(), "{safe}");
        }
    }

    #[test]
    fn an_invalid_grant_is_refused() {
        for bad in [
            "",
            "example.com",
            "ftp://a",
            "http://",
            "http://a:0",
            "http://a:x",
            "http://a/path",
            "http://a b",
            "http://a:9..8",
            "http://[::1]8080",
            "http://[example.com]",
            "http://a:+80",
            "http://127.1",
            "http://0x7F000001",
        ] {
            assert!(bad.parse::<HttpGrant>().unwrap_err().is_invalid(), "{bad}");
        }
    }
}
