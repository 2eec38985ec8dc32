//! What a server sends with a document, so that a client can ask whether the document has changed.

use kiwi_loader::http::Response;

/// A validator of a document. As a mark it lets the server answer 304 if nothing has changed.
#[derive(Debug, PartialEq)]
pub(crate) enum Validator {
    Etag(String),
    LastModified(String),
}

impl Validator {
    pub(crate) fn from_response(response: &Response) -> Option<Self> {
        let last_modified = || response.header("last-modified").map(Self::LastModified);
        response.header("etag").map(Self::Etag).or_else(last_modified)
    }

    pub(crate) fn to_mark(&self) -> String {
        match self {
            Self::Etag(tag) => format!("etag {tag}"),
            Self::LastModified(date) => format!("last-modified {date}"),
        }
    }

    pub(crate) fn from_mark(mark: &str) -> Option<Self> {
        match mark.split_once(' ')? {
            ("etag", tag) => Some(Self::Etag(tag.to_owned())),
            ("last-modified", date) => Some(Self::LastModified(date.to_owned())),
            _ => None,
        }
    }

    pub(crate) fn into_header(self) -> (&'static str, String) {
        match self {
            Self::Etag(tag) => ("if-none-match", tag),
            Self::LastModified(date) => ("if-modified-since", date),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_survives_as_a_mark() {
        for validator in
            [Validator::Etag("W/\"a b\"".into()), Validator::LastModified("Sun, 06 Nov 1994 08:49:37 GMT".into())]
        {
            assert_eq!(Validator::from_mark(&validator.to_mark()), Some(validator));
        }
        assert_eq!(Validator::from_mark("etag"), None);
    }
}
