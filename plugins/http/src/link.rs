//! The `Link` header (RFC 8288), by which a server says where the next page is.

/// The reference of the link whose relation is `next`.
pub(crate) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, link) = rest.split_once('<')?;
        let (reference, parameters) = link.split_once('>')?;
        let (parameters, others) = split_unquoted(parameters, ',');
        if has_relation(parameters, "next") {
            return Some(reference);
        }
        rest = others;
    }
}

/// Only the first `rel` of a link counts.
fn has_relation(mut parameters: &str, wanted: &str) -> bool {
    while !parameters.is_empty() {
        let (parameter, others) = split_unquoted(parameters, ';');
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim().eq_ignore_ascii_case("rel") {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|relation| relation.eq_ignore_ascii_case(wanted));
        }
        parameters = others;
    }
    false
}

/// What stands before and after the first separator that is not in quotes.
fn split_unquoted(text: &str, separator: char) -> (&str, &str) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let at = text.find(|c: char| {
        let is_literal = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted && !is_literal => is_escaped = true,
            '"' if !is_literal => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    });
    at.map_or((text, ""), |at| (&text[..at], &text[at + separator.len_utf8()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let github = "<https://api.github.com/x?page=1>; rel=\"prev\", <https://api.github.com/x?page=3>; rel=\"next\", \
                      <https://api.github.com/x?page=9>; rel=\"last\"";
        assert_eq!(next(github), Some("https://api.github.com/x?page=3"));
        assert_eq!(next("</x?a=1,2>;title=\"a, \\\"b\\\" <c>\"; rel=prev,</y>;REL=\"last Next\""), Some("/y"));
        assert_eq!(next("<?page=2>; rel=next"), Some("?page=2"));
        for none in [
            "",
            "<a",
            "<a>",
            "<a>; rel=prev",
            "<a>; title=next",
            "<a>; rel=prev; rel=next",
            "<a>; title=\"; rel=next\"",
            "rel=next",
        ] {
            assert_eq!(next(none), None, "{none}");
        }
    }
}
