//! What this crate does with URLs; the host parses them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters that RFC 3986 calls unreserved. A space is `%20`, which every server reads as a space;
/// `+` is one only to those that expect a form.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Adds a pair to the query of a URL, before its fragment.
pub(super) fn add_query(url: &mut String, name: &str, value: &str) {
    let end = url.find('#').unwrap_or(url.len());
    let separator = match url[..end].split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    let pair = format!("{separator}{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY));
    url.insert_str(end, &pair);
}

/// Scheme, host and port of a URL: what a grant names. Text that is not a URL comes back as it is.
pub(crate) fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// A URL without the parts that hold secrets: user, password, query and fragment.
pub(super) fn without_secrets(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let path = url[..end].splitn(4, '/').nth(3);
    origin(url) + &path.map(|path| format!("/{path}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_grant_names() {
        assert_eq!(origin("https://api.example.com/v1/rates?key=s#x"), "https://api.example.com");
        assert_eq!(origin("http://user:pa@ss@127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(origin("https://*.example.com"), "https://*.example.com");
        assert_eq!(origin("example.com"), "example.com");
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        assert_eq!(
            without_secrets("https://me:secret@example.com/v1/rates?key=secret"),
            "https://example.com/v1/rates"
        );
        assert_eq!(without_secrets("https://example.com?key=secret"), "https://example.com");
    }

    #[test]
    fn a_query_is_encoded_and_put_before_the_fragment() {
        let with = |url: &str| {
            let mut url = url.to_owned();
            add_query(&mut url, "a b", "ü&=+/~");
            url
        };
        let pair = "a%20b=%C3%BC%26%3D%2B%2F~";
        assert_eq!(with("https://example.com"), format!("https://example.com?{pair}"));
        assert_eq!(with("https://example.com/?x=1#top"), format!("https://example.com/?x=1&{pair}#top"));
        assert_eq!(with("https://example.com/?"), format!("https://example.com/?{pair}"));
        assert_eq!(with("https://example.com/?x&"), format!("https://example.com/?x&{pair}"));
        assert_eq!(with("https://example.com/#a?b"), format!("https://example.com/?{pair}#a?b"));
    }
}
