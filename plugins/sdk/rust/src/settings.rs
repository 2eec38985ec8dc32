//! What the operator set for this cache.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, bindings};

/// Reads the settings of the cache. A wrong one is an `invalid-settings` that names it.
///
/// A loader gets them more simply as its argument. This is for [`describe`](crate::Description), where they may be
/// absent or wrong, and that is no error:
///
/// ```no_run
/// use kiwi_loader::{Description, Grant};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Settings {
///     url: String,
/// }
///
/// fn describe() -> Description {
///     let description = Description::new("Reads the rates of the day.");
///     match kiwi_loader::settings::<Settings>() {
///         Ok(settings) => description.grant(Grant::http(&settings.url, "to fetch `url`")),
///         Err(_) => description,
///     }
/// }
/// ```
pub fn settings<T: DeserializeOwned>() -> Result<T, Error> {
    parse(&bindings::settings::get())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // By way of a `Value`, because an operator who wrote TOML has no use for lines and columns of JSON.
    let value: Value = serde_json::from_str(text).map_err(Error::invalid_settings)?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => Error::invalid_settings(error.inner()),
            path => Error::invalid_settings(format_args!("`{path}`: {}", error.inner())),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        url: String,
        #[serde(default)]
        columns: Vec<String>,
    }

    fn refusal(text: &str) -> String {
        let error = parse::<Settings>(text).unwrap_err();
        assert!(error.is_invalid_settings(), "{error:?}");
        error.to_string()
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert_eq!(refusal("{}"), "missing field `url`");
        assert_eq!(refusal(r#"{"url": "x", "path": 1}"#), "`path`: unknown field `path`, expected `url` or `columns`");
        assert_eq!(
            refusal(r#"{"url": "x", "columns": ["a", 2]}"#),
            "`columns[1]`: invalid type: integer `2`, expected a string"
        );
        let settings: Settings = parse(r#"{"url": "x", "columns": ["a"]}"#).unwrap();
        assert_eq!((settings.url.as_str(), settings.columns.len()), ("x", 1));
    }
}
