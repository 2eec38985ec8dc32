//! What an operator lets one cache's plugin touch. Everything else is denied.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use kiwi_store::{Error, Result};

use super::connection::Connection;
use super::file_grants::{DirGrant, FileGrant};

/// What one cache's plugin may touch: nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where it may send HTTP requests.
    pub http: Vec<HttpGrant>,
    /// Directories it may read.
    pub dirs: Vec<DirGrant>,
    /// Single files it may read.
    pub files: Vec<FileGrant>,
    /// Environment variables of the host it may see, by name.
    pub env: Vec<String>,
    /// Databases it may read.
    pub connections: Vec<Connection>,
}

impl Grants {
    /// Whether a plugin may read the file at this path, as it would write it.
    pub(crate) fn covers_file(&self, guest_path: &str) -> bool {
        self.files.iter().any(|file| file.covers(guest_path)) || self.covers_dir(guest_path)
    }

    /// Whether a plugin may read all below this path, as it would write it.
    pub(crate) fn covers_dir(&self, guest_path: &str) -> bool {
        self.dirs.iter().any(|dir| dir.covers(guest_path))
    }
}

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
            (Host::Below(parent), Err(_)) => host.strip_suffix(parent.as_str()).is_some_and(|rest| rest.ends_with('.')),
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

    fn allows_scheme_and_port(&self, scheme: &str, port: u16) -> bool {
        let scheme_matches = match self.scheme {
            None => scheme == "http" || scheme == "https",
            Some(Scheme::Http) => scheme == "http",
            Some(Scheme::Https) => scheme == "https",
        };
        let default_port = if scheme == "https" { 443 } else { 80 };
        let port_matches = if self.ports == (0..=0) { port == default_port } else { self.ports.contains(&port) };
        scheme_matches && port_matches
    }
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
