//! Loads rows by HTTP: a JSON object, a JSON array, NDJSON or CSV.
//!
//! Its mark is the answer's `ETag` or `Last-Modified`: a server that says 304 to it has nothing new.

use std::collections::BTreeMap;

use kiwi_loader::http::{self, Response};
use kiwi_loader::{Description, Error, Grant, Load, Setting, mark};
use rows::{Entries, Format, Shape};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: String,
    #[serde(default = "json")]
    format: Format,
    key: Option<String>,
    pointer: Option<String>,
    columns: Option<Vec<String>>,
    delimiter: Option<char>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn json() -> Format {
    Format::Json
}

/// What a server gives to ask by whether anything has changed.
#[derive(Debug, PartialEq)]
enum Validator {
    Etag(String),
    LastModified(String),
}

impl Validator {
    fn of(response: &Response) -> Option<Self> {
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

    fn condition(self) -> (&'static str, String) {
        match self {
            Self::Etag(tag) => ("if-none-match", tag),
            Self::LastModified(date) => ("if-modified-since", date),
        }
    }
}

fn load_from_source(settings: Settings) -> Result<Load<Entries>, Error> {
    let Settings { url, format, key, pointer, columns, delimiter, headers } = settings;
    let shape = Shape::new(format, key, pointer.as_deref(), columns, delimiter)?;
    let condition = mark::published().and_then(|mark| Validator::from_mark(&mark)).map(Validator::condition);
    let mut request = http::get(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some((name, value)) = condition {
        request = request.header(name, value);
    }
    let response = request.send()?.error_for_status()?;
    match response.status() {
        200 => {}
        304 => return Ok(Load::Unchanged),
        status => return Err(Error::other(format_args!("expected the status 200, the server answered {status}"))),
    }
    if let Some(validator) = Validator::of(&response) {
        mark::set(&validator.to_mark());
    }
    Ok(Load::Entries(rows::entries(response, shape)?))
}

fn describe() -> Description {
    let description = Description::new("The rows of a JSON, NDJSON or CSV document, fetched by HTTP.")
        .setting(Setting::text("url", "Where to get it, by `http` or `https`.").required())
        .setting(Setting::text("format", "`json`, `ndjson` or `csv`.").default_value("json"));
    let description =
        Shape::describe(description).setting(Setting::table("headers", "Headers to send: names and values."));
    match kiwi_loader::settings::<Settings>() {
        Ok(settings) => description.grant(Grant::http(&settings.url, "to get `url`")),
        Err(_) => description,
    }
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_comes_back_out_of_its_mark() {
        for validator in
            [Validator::Etag("W/\"a b\"".into()), Validator::LastModified("Sun, 06 Nov 1994 08:49:37 GMT".into())]
        {
            assert_eq!(Validator::from_mark(&validator.to_mark()), Some(validator));
        }
        assert_eq!(Validator::from_mark("etag"), None);
    }
}
