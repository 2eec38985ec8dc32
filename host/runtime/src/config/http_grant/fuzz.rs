//! Fuzzing the grants of HTTP hosts.

use url::Url;

use super::*;

/// What a byte from 128 on stands for. Below that it stands for itself.
const PIECES: &[&str] = &[
    "http://",
    "https://",
    "*://",
    "*.",
    "*",
    "example.com",
    "localhost",
    "127.0.0.1",
    "10.0.0.0/8",
    "[::1]",
    "[2001:db8::/32]",
    "::ffff:1.2.3.4",
    ":8080",
    ":8000..8100",
    ":*",
    ":0",
    ":65535",
    "0x7f.1",
    "xn--",
    "é",
    "/",
    "..",
    "[",
    "]",
    "@",
    "\u{a0}",
];

/// A grant is shown as it was written, is read again as the same, and grants what a URL of the same text asks for.
#[test]
fn grants() {
    bolero::check!().with_iterations(20_000).with_max_len(24).for_each(|input: &[u8]| {
        let piece = |byte: &u8| match byte.checked_sub(128) {
            None => char::from(*byte).to_string(),
            Some(index) => PIECES[usize::from(index) % PIECES.len()].to_owned(),
        };
        let text: String = input.iter().map(piece).collect();
        // One grant, and after a space the host that is asked for.
        let (written, asked) = text.split_once(' ').unwrap_or((&text, "example.com"));
        let Ok(grant) = written.parse::<HttpGrant>() else { return };
        assert_eq!(grant.to_string(), written);
        assert_eq!(grant.to_string().parse::<HttpGrant>().unwrap(), grant);
        check_asked(&grant, asked);
        let (_, rest) = written.split_once("://").unwrap();
        let is_url = !written.contains('*') && !rest.contains("..") && !rest.trim_end_matches('/').contains('/');
        if is_url {
            check_url(&grant, written);
        }
    });
}

fn check_asked(grant: &HttpGrant, asked: &str) {
    for (scheme, port) in [("http", 80), ("https", 443), ("http", 8080), ("https", 8099), ("ftp", 21)] {
        let is_allowed = grant.allows_host(scheme, asked, port);
        assert_eq!(grant.allows_host(scheme, &asked.to_ascii_uppercase(), port), is_allowed, "{grant}: {asked}");
        assert!(!is_allowed || scheme != "ftp");
        if let Ok(address) = asked.parse::<IpAddr>() {
            let is_named = grant.names_address(scheme, address, port);
            assert!(!is_named || is_allowed || grant.host == Host::Name("localhost".to_owned()), "{grant}: {asked}");
            let is_range = matches!(grant.host, Host::Any | Host::Range(_));
            assert!(!is_allowed || is_range, "{grant}: {asked}");
        }
    }
}

fn check_url(grant: &HttpGrant, written: &str) {
    // A name that IDNA refuses can never be asked for.
    if written.to_ascii_lowercase().contains("xn--") {
        return;
    }
    let url = Url::parse(written).unwrap_or_else(|error| panic!("`{written}` is a grant, but not a URL: {error}"));
    let (host, port) = (url.host_str().unwrap(), url.port_or_known_default().unwrap());
    assert!(grant.allows_host(url.scheme(), host, port), "`{written}` does not allow `{url}`");
}
