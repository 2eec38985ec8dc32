//! Loads rows by HTTP: a JSON object, a JSON array, NDJSON or CSV.
//!
//! Its mark is the response's `ETag` or `Last-Modified`: a server answers 304 to it if nothing has changed.

use std::collections::BTreeMap;
use std::io::BufRead;

use kiwi_loader::http::{self, Response};
use kiwi_loader::{Description, Error, Grant, Load, Settings, mark};
use rows::{Entries, Format, Shape, ShapeSettings};

#[derive(Settings)]
struct Settings {
    /// Where to get it, by `http` or `https`.
    url: String,
    #[setting(default = "json")]
    format: Format,
    #[serde(flatten)]
    shape: ShapeSettings,
    /// Headers to send: names and values.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// What a server sends with a document, so that a client can ask whether the document has changed.
#[derive(Debug, PartialEq)]
enum Validator {
    Etag(String),
    LastModified(String),
}

impl Validator {
    fn from_response(response: &Response) -> Option<Self> {
        let last_modified = || response.header("last-modified").map(Self::LastModified);
        response.header("etag").map(Self::Etag).or_else(last_modified)
    }

    fn to_mark(&self) -> String {
        match self {
            Self::Etag(tag) => format!("etag {tag}"),
            Self::LastModified(date) => format!("last-modified {date}"),
        }
    }

    fn from_mark(mark: &str) -> Option<Self> {
        match mark.split_once(' ')? {
            ("etag", tag) => Some(Self::Etag(tag.to_owned())),
            ("last-modified", date) => Some(Self::LastModified(date.to_owned())),
            _ => None,
        }
    }

    fn into_header(self) -> (&'static str, String) {
        match self {
            Self::Etag(tag) => ("if-none-match", tag),
            Self::LastModified(date) => ("if-modified-since", date),
        }
    }
}

fn load_from_source(settings: Settings) -> Result<Load<Entries>, Error> {
    let Settings { url, format, shape, headers } = settings;
    let shape = Shape::new(format, shape)?;
    let condition = mark::published().and_then(|mark| Validator::from_mark(&mark)).map(Validator::into_header);
    let mut request = http::get(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some((name, value)) = condition {
        request = request.header(name, value);
    }
    let mut response = request.send()?.error_for_status()?;
    match response.status() {
        200 => {}
        304 => return Ok(Load::Unchanged),
        status => return Err(Error::other(format_args!("expected the status 200, the server answered {status}"))),
    }
    let beginning = response.fill_buf()?;
    if !format.fits(beginning) {
        let beginning = beginning.to_vec();
        return Err(response.unexpected(format.name(), &beginning).into());
    }
    if let Some(validator) = Validator::from_response(&response) {
        mark::set(&validator.to_mark());
    }
    Ok(Load::Entries(rows::entries(response, shape)?))
}

fn describe() -> Description {
    Description::new("The rows of a JSON, NDJSON or CSV document, fetched by HTTP.")
        .settings::<Settings>()
        .grants_for(|settings: Settings| [Grant::http(&settings.url, "to get `url`")])
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests {
    use kiwi_loader::Setting;
    use kiwi_loader::testing::{Host, Response, json};

    use super::*;

    const URL: &str = "https://example.com/rates";

    #[test]
    fn a_document_that_has_not_changed_is_not_loaded_again() {
        let rates = || Response::json(json!({ "USD": 1.105 })).header("etag", "v1");
        let host = Host::new().settings(json!({ "url": URL, "headers": { "x-team": "ops" } }));
        let host = host.get(URL, rates()).get(URL, Response::status(304));
        assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap()["USD"], 1.105);
        assert!(host.load(load_from_source).unwrap().is_unchanged());
        let conditions: Vec<_> =
            host.requests().iter().map(|request| request.header("if-none-match").map(str::to_owned)).collect();
        assert_eq!(conditions, [None, Some("v1".into())]);
        assert_eq!(host.requests()[1].header("x-team"), Some("ops"));
    }

    #[test]
    fn a_status_that_is_not_success_is_an_error() {
        let failure = |status| {
            let host = Host::new().settings(json!({ "url": URL })).get(URL, Response::status(status));
            host.load(load_from_source).unwrap_err()
        };
        assert!(failure(503).is_unavailable());
        assert!(failure(403).is_denied());
        assert_eq!(failure(204).to_string(), "expected the status 200, the server answered 204");
    }

    #[test]
    fn a_page_instead_of_the_document_is_unavailable() {
        for (format, name) in [("json", "JSON"), ("ndjson", "NDJSON"), ("csv", "CSV")] {
            let page = Response::text("<!DOCTYPE html>\n<h1>Back soon</h1>").header("content-type", "text/html");
            let settings = json!({ "url": format!("{URL}?key=s3cret"), "format": format, "key": "iata" });
            let host = Host::new().settings(settings).get(&format!("{URL}?key=s3cret"), page);
            let error = host.load(load_from_source).unwrap_err();
            assert!(error.is_unavailable(), "{error:?}");
            let expected = format!(
                "{URL}: expected {name}, got text/html (status 200), which begins with `<!DOCTYPE html> <h1>Back soon</h1>`"
            );
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_operator_sees_the_settings_and_the_grant() {
        let expected = Description::new("The rows of a JSON, NDJSON or CSV document, fetched by HTTP.")
            .setting(Setting::text("url", "Where to get it, by `http` or `https`.").required())
            .setting(Setting::text("format", "`json`, `ndjson` or `csv`.").default_value("json"))
            .settings::<ShapeSettings>()
            .setting(Setting::table("headers", "Headers to send: names and values."));
        assert_eq!(Host::new().run(describe), expected);
        let configured = Host::new().settings(json!({ "url": URL })).run(describe);
        assert_eq!(configured, expected.grant(Grant::http("https://example.com", "to get `url`")));
    }

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
