//! The settings of one cache.

use std::fmt;

use kiwi_store::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value};

/// The settings of one cache: one object, keys to JSON values. `Debug` shows the keys only, because the
/// values may be secrets.
///
/// ```
/// use kiwi_host::Settings;
///
/// let settings = Settings::new(std::collections::BTreeMap::from([("path", "data/airlines.csv")]))?;
/// assert_eq!(settings.to_json(), r#"{"path":"data/airlines.csv"}"#);
/// assert_eq!(format!("{settings:?}"), r#"{"path"}"#);
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// Settings from a map or a struct.
    ///
    /// # Errors
    /// It does not serialize as an object (`is_invalid`).
    pub fn new(settings: impl Serialize) -> Result<Self> {
        match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => Ok(Self(settings)),
            Ok(other) => {
                let kind = kind_of(&other);
                Err(Error::invalid(format!("expected settings as an object of keys and values, found {kind}")))
            }
            Err(error) => Err(Error::invalid("the settings cannot be written as JSON").because(error)),
        }
    }

    /// As JSON text, keys sorted.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// What kind of JSON value it is, in an operator's words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
