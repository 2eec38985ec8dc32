//! The settings of `http`.

use std::collections::BTreeMap;
use std::time::Duration;

use kiwi_loader::{Error, SettingKind, SettingValue, Settings as DeriveSettings};
use rows::{Format, Pointer, RowSettings};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

/// The settings as the operator writes them.
#[derive(DeriveSettings)]
pub(crate) struct Settings {
    /// Where to get it, by `http` or `https`.
    pub(crate) url: String,
    #[setting(default = "json")]
    pub(crate) format: Format,
    #[serde(flatten)]
    pub(crate) rows: RowSettings,
    #[setting(default = "GET")]
    pub(crate) method: Method,
    /// Headers to send: names and values, in which `${secret:NAME}` stands for a secret of the host.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// What to send with `POST`: a text, or a table, which is sent as JSON.
    pub(crate) body: Option<Body>,
    /// The longest wait for the server's answer, and again for each piece of it, such as `10s`; not set: the host's.
    pub(crate) timeout: Option<Timeout>,
    /// How the pages follow each other: `"link"` (the header `Link`), `{ cursor = "/meta/next", parameter = "cursor" }`,
    /// `{ cursor = "/next" }` (a URL), or `{ number = "page", first = 1 }`; not set: there is one page.
    pub(crate) pages: Option<Pages>,
    /// How many pages there may be.
    #[setting(default = 1000)]
    pub(crate) max_pages: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    Get,
    Post,
}

/// What is sent.
pub(crate) enum Body {
    Text(String),
    Json(Value),
}

pub(crate) struct Timeout(pub(crate) Duration);

/// How the next page is found.
#[derive(Clone, Debug)]
pub(crate) enum Pages {
    /// In the header `Link`.
    Link,
    /// In the page, at a pointer: what is sent with the next request as this parameter.
    Cursor { pointer: Pointer, written: String, parameter: String },
    /// In the page, at a pointer: the URL of the next page.
    Url { pointer: Pointer, written: String },
    /// By its number, which is sent as this parameter, until a page has no rows.
    Number { parameter: String, first: u64, step: u64 },
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl Settings {
    /// Refuses settings that contradict each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |message| Err(Error::invalid_settings(message));
        self.rows.check(self.format)?;
        if self.body.is_some() && self.method == Method::Get {
            return refuse("`body` is only for the method `POST`: set `method = \"POST\"`, or remove it");
        }
        let is_in_the_page = matches!(self.pages, Some(Pages::Cursor { .. } | Pages::Url { .. }));
        if is_in_the_page && self.format != Format::Json {
            return refuse("`pages`: a `cursor` is only in a page of the format `json`: use `\"link\"` or `number`");
        }
        if self.max_pages == 0 {
            return refuse("`max_pages` must be at least 1");
        }
        Ok(())
    }
}

impl SettingValue for Body {
    const KIND: SettingKind = SettingKind::Any;
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            json @ (Value::Object(_) | Value::Array(_)) => Ok(Self::Json(json)),
            other => Err(D::Error::custom(format_args!("`{other}` is not a text, a table or an array"))),
        }
    }
}

impl SettingValue for Timeout {
    const KIND: SettingKind = SettingKind::Text;
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match humantime::parse_duration(&text) {
            Ok(duration) if duration >= Duration::from_millis(1) => Ok(Self(duration)),
            _ => Err(D::Error::custom(format_args!("`{text}` is not a valid duration (expected e.g. `10s`)"))),
        }
    }
}

impl SettingValue for Pages {
    const KIND: SettingKind = SettingKind::Any;
}

/// The table that `pages` may be.
#[derive(DeriveSettings)]
struct Table {
    cursor: Option<String>,
    parameter: Option<String>,
    number: Option<String>,
    first: Option<u64>,
    step: Option<u64>,
}

impl<'de> Deserialize<'de> for Pages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pages = match Value::deserialize(deserializer)? {
            Value::String(text) if text == "link" => Ok(Self::Link),
            table @ Value::Object(_) => Table::deserialize(table).map_err(D::Error::custom)?.into_pages(),
            other => Err(format!("{other} is not valid: expected \"link\" or a table with `cursor` or `number`")),
        };
        pages.map_err(D::Error::custom)
    }
}

impl Table {
    fn into_pages(self) -> Result<Pages, String> {
        match self {
            Self { cursor: Some(written), parameter, number: None, first: None, step: None } => {
                let pointer = Pointer::parse("cursor", &written).map_err(|error| error.to_string())?;
                match (written.as_str(), parameter) {
                    ("", _) => Err("`cursor` is empty: expected a JSON pointer such as `/meta/next`".to_owned()),
                    (_, Some(parameter)) => Ok(Pages::Cursor { pointer, written, parameter }),
                    (_, None) => Ok(Pages::Url { pointer, written }),
                }
            }
            Self { number: Some(parameter), cursor: None, parameter: None, first, step } => match step {
                Some(0) => Err("`step` must be at least 1".to_owned()),
                step => Ok(Pages::Number { parameter, first: first.unwrap_or(1), step: step.unwrap_or(1) }),
            },
            _ => {
                Err("expected either `cursor`, which may have a `parameter`, or `number`, which may have `first` and \
                      `step`"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kiwi_loader::testing::json;

    use super::*;

    fn read(settings: Value) -> Result<Settings, String> {
        let mut all = json!({ "url": "https://example.com" });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let settings: Settings = serde_json::from_value(all).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| {
            assert!(error.is_invalid_settings(), "{error:?}");
            error.to_string()
        })?;
        Ok(settings)
    }

    fn refusal(settings: Value) -> String {
        read(settings).err().expect("the settings are refused")
    }

    #[test]
    fn pages_are_found_in_one_of_four_ways() {
        let pages = |pages| read(json!({ "pages": pages })).unwrap().pages.unwrap();
        assert!(matches!(pages(json!("link")), Pages::Link));
        assert!(matches!(pages(json!({ "cursor": "/next" })), Pages::Url { written, .. } if written == "/next"));
        let cursor = pages(json!({ "cursor": "/a/b", "parameter": "after" }));
        assert!(matches!(cursor, Pages::Cursor { parameter, .. } if parameter == "after"));
        let number = pages(json!({ "number": "page" }));
        assert!(matches!(number, Pages::Number { parameter, first: 1, step: 1 } if parameter == "page"));
        let offset = pages(json!({ "number": "offset", "first": 0, "step": 100 }));
        assert!(matches!(offset, Pages::Number { first: 0, step: 100, .. }));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        for (settings, expected) in [
            (json!({ "body": "x" }), "`body` is only for the method `POST`"),
            (json!({ "method": "PUT" }), "`method`: `PUT` is not valid: expected `GET` or `POST`"),
            (json!({ "method": "POST", "body": 1 }), "`body`: `1` is not a text, a table or an array"),
            (json!({ "timeout": "soon" }), "`timeout`: `soon` is not a valid duration (expected e.g. `10s`)"),
            (json!({ "timeout": "0s" }), "`timeout`: `0s` is not a valid duration"),
            (json!({ "pages": "links" }), "`pages`: \"links\" is not valid: expected \"link\" or a table"),
            (json!({ "pages": {} }), "`pages`: expected either `cursor`"),
            (json!({ "pages": { "cursor": "/a", "number": "b" } }), "`pages`: expected either `cursor`"),
            (json!({ "pages": { "cursor": "/a", "first": 1 } }), "`pages`: expected either `cursor`"),
            (json!({ "pages": { "number": "a", "parameter": "b" } }), "`pages`: expected either `cursor`"),
            (json!({ "pages": { "number": "a", "step": 0 } }), "`pages`: `step` must be at least 1"),
            (json!({ "pages": { "curser": "/a" } }), "`pages`: `curser` is not a setting"),
            (json!({ "pages": { "cursor": "next" } }), "`pages`: `cursor`: `next` does not begin with `/`"),
            (json!({ "pages": { "cursor": "" } }), "`pages`: `cursor` is empty"),
            (json!({ "max_pages": 0 }), "`max_pages` must be at least 1"),
            (
                json!({ "format": "csv", "key": "a", "pages": { "cursor": "/a" } }),
                "`pages`: a `cursor` is only in a page of the format `json`",
            ),
        ] {
            let refusal = refusal(settings);
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    }
}
