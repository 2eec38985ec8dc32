//! What the operator set for this cache.

mod derived;
mod kind;
mod problem;
mod source;
mod value;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use derived::DescribeSettings;
pub use kind::SettingKind;
pub use value::SettingValue;

use crate::{Error, host};

/// What the derive macros expand to.
pub(crate) mod private {
    pub use super::derived::{choice, describe, settings, with_default, with_json_default, without_default};
    pub use super::problem::Problem;
    pub use super::source::{Source, deserialize, json_default};
}

/// Reads the settings of the cache. An invalid setting is an `invalid-settings` error that names it.
///
/// A loader gets its settings more simply as its argument. This is for [`describe`](crate::Description), where the
/// settings may be missing or invalid without that being a failure; see also
/// [`grants_for`](crate::Description::grants_for).
///
/// ```
/// use kiwi_loader::Settings;
///
/// #[derive(Settings)]
/// struct Settings {
///     /// Where to get the rates.
///     url: String,
/// }
///
/// # kiwi_loader::testing::Host::new().run(|| {
/// let summary = match kiwi_loader::settings::<Settings>() {
///     Ok(settings) => format!("The rates of {}.", settings.url),
///     Err(_) => "The rates of a server.".to_owned(),
/// };
/// # assert_eq!(summary, "The rates of a server.");
/// # });
/// ```
pub fn settings<T: DeserializeOwned>() -> Result<T, Error> {
    parse(&host::settings::get())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // By way of a `Value`: an operator who wrote TOML has no use for lines and columns of JSON.
    let value: Value = serde_json::from_str(text).map_err(Error::invalid_settings)?;
    source::deserialize(value).map_err(Error::invalid_settings)
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
    fn an_invalid_setting_is_named() {
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
