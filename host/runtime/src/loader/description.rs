//! How a plugin describes itself.

use kiwi_rows::near;
use serde_json::Value;

use crate::config::settings::{Settings, kind_of};
use crate::config::timing::AskedTiming;
use crate::printable;

/// A name from kiwi.toml, as it is shown.
const NAME_BYTES: usize = 64;

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
    /// What it suggests and does not get, because a plugin must not load a source or fill a store as it likes.
    pub overruled: Vec<Overruled>,
    /// All settings it takes.
    pub settings: Vec<Setting>,
    /// All grants it needs, with the settings it was given.
    pub grants: Vec<AskedGrant>,
}

/// A suggestion of a plugin that the host does not follow as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overruled {
    /// The key in kiwi.toml by which the operator decides it: `reload_ttl` or `cache_ttl`.
    pub key: &'static str,
    /// What it suggests, what the host does instead, and what the operator can do: one sentence.
    pub message: String,
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
    /// As in kiwi.toml: `http`, `files`, `dirs`, `env`, `connections`, `secrets`, `auth`, or a kind we do not know.
    pub kind: String,
    /// As it would stand in kiwi.toml.
    pub name: String,
    /// What for.
    pub reason: String,
}

/// What is wrong with one setting of a cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SettingProblem<'d> {
    /// In one sentence, without the value: it may be a secret.
    pub(crate) message: String,
    /// The setting that was probably meant.
    pub(crate) meant: Option<&'d Setting>,
}

impl Description {
    /// Checks a cache's settings: reports each that the plugin does not take, or that is of another kind.
    pub(crate) fn check_settings(&self, settings: &Settings) -> Vec<SettingProblem<'_>> {
        settings.iter().filter_map(|(name, value)| self.check_setting(name, value)).collect()
    }

    fn check_setting(&self, name: &str, value: &Value) -> Option<SettingProblem<'_>> {
        let Some(setting) = self.settings.iter().find(|setting| setting.name == name) else {
            return Some(self.unknown(name));
        };
        let message = format!("its setting `{name}` is {}: expected {}", kind_of(value), setting.kind);
        (!is_of_kind(value, &setting.kind)).then_some(SettingProblem { message, meant: None })
    }

    fn unknown(&self, name: &str) -> SettingProblem<'_> {
        let name = printable::line(name, NAME_BYTES);
        let known: Vec<&str> = self.settings.iter().map(|setting| setting.name.as_str()).collect();
        let nearest = near::nearest(&name, known.iter().copied());
        let meant = self.settings.iter().find(|setting| nearest == Some(&setting.name));
        let hint = match meant {
            Some(setting) => format!("did you mean `{}`?", setting.name),
            None if known.is_empty() => "expected no settings".to_owned(),
            None => format!("expected one of {}", known.join(", ")),
        };
        SettingProblem { message: format!("it takes no setting `{name}`: {hint}"), meant }
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
        let problems = |value| {
            let settings = Settings::new(value).unwrap();
            let problems = description.check_settings(&settings);
            problems
                .into_iter()
                .map(|problem| (problem.message, problem.meant.map(|m| m.name.clone())))
                .collect::<Vec<_>>()
        };
        assert_eq!(problems(json!({ "path": "a", "rows": 1 })), []);
        assert_eq!(
            problems(json!({ "pth": "a", "rows": "s3cret", "rosw": 2, "zzz": 1 })),
            [
                ("it takes no setting `pth`: did you mean `path`?".into(), Some("path".into())),
                ("it takes no setting `rosw`: did you mean `rows`?".into(), Some("rows".into())),
                ("its setting `rows` is text: expected integer".into(), None),
                ("it takes no setting `zzz`: expected one of path, rows".into(), None),
            ],
        );
        let problems =
            Description::default().check_settings(&Settings::new(json!({ "a": 1 })).unwrap())[0].message.clone();
        assert_eq!(problems, "it takes no setting `a`: expected no settings");
    }
}
