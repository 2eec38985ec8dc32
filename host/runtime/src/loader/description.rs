//! How a plugin describes itself.

use serde_json::Value;

use crate::config::settings::{Settings, kind_of};
use crate::config::timing::AskedTiming;

/// How a plugin describes itself (`describe` in loader.wit).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The loader's name, for people.
    pub name: String,
    /// Its version, as its author counts.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The timing it suggests; the operator's word stands above it.
    pub timing: AskedTiming,
    /// All settings it takes.
    pub settings: Vec<Setting>,
    /// All grants it needs, with the settings it was given.
    pub grants: Vec<AskedGrant>,
}

/// One setting a plugin takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub name: String,
    /// What kind of JSON value it is: `text`, `integer`, `number`, `boolean`, `array`, `table` or
    /// `any`; a word we do not know counts as `any`.
    pub kind: String,
    /// Whether the plugin refuses to run without it.
    pub required: bool,
    /// What holds when it is not set, as JSON text.
    pub default_value: Option<String>,
    /// One sentence.
    pub help: String,
}

/// One grant a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedGrant {
    /// As in kiwi.toml: `http`, `dirs`, `env`, or a kind we do not know.
    pub kind: String,
    /// As it would stand in kiwi.toml.
    pub name: String,
    /// What for.
    pub reason: String,
}

impl Description {
    /// Checks a cache's settings.
    ///
    /// # Errors
    /// A setting that the plugin does not take, or of another kind, in one sentence.
    pub(crate) fn check_settings(&self, settings: &Settings) -> Result<(), String> {
        for (name, value) in settings.iter() {
            let Some(setting) = self.settings.iter().find(|setting| setting.name == name) else {
                let known: Vec<&str> = self.settings.iter().map(|setting| setting.name.as_str()).collect();
                let known =
                    if known.is_empty() { "no settings".to_owned() } else { format!("one of {}", known.join(", ")) };
                return Err(format!("it takes no setting `{name}`: expected {known}"));
            };
            if !is_of_kind(value, &setting.kind) {
                return Err(format!("its setting `{name}` is {}: expected {}", kind_of(value), setting.kind));
            }
        }
        Ok(())
    }
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    match kind {
        "text" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "table" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_checked_by_name_and_kind() {
        let setting = |name: &str, kind: &str, required| Setting {
            name: name.into(),
            kind: kind.into(),
            required,
            default_value: None,
            help: "help".into(),
        };
        let settings = vec![setting("path", "text", true), setting("rows", "integer", false)];
        let description = Description { settings, ..Description::default() };
        let settings = |value| Settings::new(value).unwrap();
        assert_eq!(description.check_settings(&settings(json!({ "path": "a", "rows": 1 }))), Ok(()));
        let error = description.check_settings(&settings(json!({ "pth": "a" }))).unwrap_err();
        assert!(error.contains("`pth`") && error.contains("path, rows"), "{error}");
        let error = description.check_settings(&settings(json!({ "rows": "1" }))).unwrap_err();
        assert!(error.contains("`rows` is text: expected integer"), "{error}");
    }
}
