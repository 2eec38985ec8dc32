//! What `#[derive(Settings)]` and `#[derive(SettingValue)]` build on.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::{Map, Value};

use super::SettingValue;
use super::problem::{Problem, alternatives};
use super::source::{Source, absent, json, valid_default};
use crate::Setting;

/// Settings that can be described: implemented by [`#[derive(Settings)]`](macro@crate::Settings), and only by that.
///
/// ```
/// use kiwi_loader::{DescribeSettings, Setting, Settings};
///
/// #[derive(Settings)]
/// struct Settings {
///     /// Where to get the rates.
///     url: String,
/// }
///
/// assert_eq!(Settings::settings(), [Setting::text("url", "Where to get the rates.").required()]);
/// ```
#[diagnostic::on_unimplemented(
    message = "the settings `{Self}` cannot be described",
    label = "this type does not implement `DescribeSettings`",
    note = "add `#[derive(kiwi_loader::Settings)]` to it, in place of `Deserialize`"
)]
pub trait DescribeSettings: DeserializeOwned {
    /// The settings, in the order of the fields.
    fn settings() -> Vec<Setting>;

    #[doc(hidden)]
    fn names() -> Vec<&'static str>;

    #[doc(hidden)]
    fn take(source: &mut Source) -> Result<Self, Problem>;
}

/// Reads settings, and refuses any that are not known.
pub fn settings<'de, S: DescribeSettings, D: Deserializer<'de>>(deserializer: D) -> Result<S, D::Error> {
    let table = Map::<String, Value>::deserialize(deserializer)?;
    let known = S::names();
    // A misspelt name is reported before the missing setting that it was meant to be.
    if let Some(name) = table.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(D::Error::custom(Problem::unknown(name, known)));
    }
    S::take(&mut Source(table)).map_err(D::Error::custom)
}

/// A text, and the value that it stands for.
type Choice<T> = (&'static str, fn() -> T);

/// Reads one of some texts.
pub fn choice<'de, T, D: Deserializer<'de>>(deserializer: D, choices: &[Choice<T>]) -> Result<T, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    match choices.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(value()),
        None => {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            Err(D::Error::custom(format_args!("`{text}` is not valid: expected {}", alternatives(&names))))
        }
    }
}

/// A setting of this type. The choices that it offers stand before its help.
pub fn describe<T: SettingValue>(name: &str, help: &str) -> Setting {
    let choices = alternatives(T::CHOICES);
    let help = match (choices.as_str(), help.chars().next()) {
        ("", _) => help.to_owned(),
        (_, None) => format!("{choices}."),
        (_, Some(first)) if first.is_lowercase() => format!("{choices}; {help}"),
        (_, Some(_)) => format!("{choices}. {help}"),
    };
    Setting::new(T::KIND, name, &help)
}

/// Adds a default that is JSON text.
///
/// # Panics
/// The default is not valid for the type: `kiwi-host inspect` shows that before the first load does.
pub fn with_json_default<T>(
    setting: Setting,
    read: impl FnOnce(Value) -> Result<T, Problem>,
    default: &'static str,
) -> Setting {
    valid_default(setting.name(), read(json(default)));
    setting.default_json(default)
}

/// Adds what a field is when it is not set. An empty default is not worth showing.
pub fn with_default<T: Serialize>(setting: Setting, default: &T) -> Setting {
    match serde_json::to_value(default) {
        Ok(Value::Null) => setting,
        Ok(Value::Array(items)) if items.is_empty() => setting,
        Ok(Value::Object(members)) if members.is_empty() => setting,
        _ => setting.default_value(default),
    }
}

/// A setting without a default is required, unless its type can do without a value.
pub fn without_default<T: DeserializeOwned>(setting: Setting) -> Setting {
    if absent::<T>().is_some() { setting } else { setting.required() }
}
