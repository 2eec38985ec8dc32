//! The URL of the next page. The host parses URLs; here they are only cut and joined.

/// The URL that a page refers to, as RFC 3986 resolves it. What `..` leads to is left to the host.
pub(crate) fn join(base: &str, reference: &str) -> String {
    let reference = reference.trim();
    let has_scheme = reference.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    if has_scheme {
        return reference.to_owned();
    }
    let base = base.split('#').next().unwrap_or_default();
    let authority = base.find("://").map_or(0, |at| at + 3);
    let path = base[authority..].find(['/', '?']).map_or(base.len(), |at| authority + at);
    let query = base.find('?').unwrap_or(base.len());
    if let Some(other) = reference.strip_prefix("//") {
        format!("{}{other}", &base[..authority])
    } else if reference.starts_with('/') {
        format!("{}{reference}", &base[..path])
    } else if reference.starts_with('?') {
        format!("{}{reference}", &base[..query])
    } else {
        let directory = base[path..query].rfind('/').map_or(path, |at| path + at);
        format!("{}/{reference}", &base[..directory])
    }
}

/// Scheme, host and port, in one form for the same server.
pub(crate) fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let scheme = scheme.to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", host.strip_suffix(port).unwrap_or(&host))
}

/// A URL without the pairs of this name in its query.
pub(crate) fn without_parameter(url: &str, name: &str) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let Some((path, query)) = url.split_once('?') else { return with_fragment(url, fragment) };
    let is_other = |pair: &&str| pair.split('=').next() != Some(name);
    match query.split('&').filter(is_other).collect::<Vec<_>>().join("&") {
        rest if rest.is_empty() => with_fragment(path, fragment),
        rest => with_fragment(&format!("{path}?{rest}"), fragment),
    }
}

fn with_fragment(url: &str, fragment: Option<&str>) -> String {
    fragment.map_or_else(|| url.to_owned(), |fragment| format!("{url}#{fragment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_resolved() {
        let base = "https://api.example.com/v1/rows?page=1#top";
        for (reference, expected) in [
            ("https://api.example.com/v1/rows?page=2", "https://api.example.com/v1/rows?page=2"),
            ("//cdn.example.com/x", "https://cdn.example.com/x"),
            ("/v2?a=/b", "https://api.example.com/v2?a=/b"),
            (" ?page=2 ", "https://api.example.com/v1/rows?page=2"),
            ("more?at=1:2", "https://api.example.com/v1/more?at=1:2"),
            ("../x", "https://api.example.com/v1/../x"),
        ] {
            assert_eq!(join(base, reference), expected);
        }
        assert_eq!(join("https://example.com?a=/b", "c"), "https://example.com/c");
        assert_eq!(join("https://example.com", "?c"), "https://example.com?c");
    }

    #[test]
    fn an_origin_has_one_form() {
        assert_eq!(origin("HTTPS://u:p@API.example.com:443/x?@y"), "https://api.example.com");
        assert_eq!(origin("http://127.0.0.1:8080?x"), "http://127.0.0.1:8080");
        assert_ne!(origin("http://example.com"), origin("https://example.com"));
        assert_eq!(origin("https://evil.example\\@example.com"), "https://evil.example");
    }

    #[test]
    fn a_parameter_is_left_out_of_a_query() {
        assert_eq!(without_parameter("https://x/a?page=1&b=2&page=3#f", "page"), "https://x/a?b=2#f");
        assert_eq!(without_parameter("https://x/a?page=1", "page"), "https://x/a");
        assert_eq!(without_parameter("https://x/a?pages=1", "page"), "https://x/a?pages=1");
        assert_eq!(without_parameter("https://x/a", "page"), "https://x/a");
    }
}
