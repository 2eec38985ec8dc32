//! What a plugin tells about itself, and whether a cache gives it what it needs.

use serde_json::Value;

use crate::config::{AskedTiming, CacheConfig, Grants, Settings};
use crate::plugin_error::Needs;

/// What a plugin tells about itself (`describe` in loader.wit).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        for (name, value) in &settings.0 {
            let Some(setting) = self.settings.iter().find(|setting| setting.name == *name) else {
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

    /// What the plugin needs and the cache does not give it.
    pub(crate) fn needs(&self, cache: &CacheConfig) -> Needs {
        let missing = |setting: &&Setting| setting.required && !cache.settings.0.contains_key(&setting.name);
        Needs {
            settings: self.settings.iter().filter(missing).cloned().collect(),
            grants: self.grants.iter().filter(|asked| !is_granted(asked, &cache.grants)).cloned().collect(),
        }
    }
}

/// A kind of grant that we do not know cannot be given by this host: it shows as missing.
fn is_granted(asked: &AskedGrant, grants: &Grants) -> bool {
    match asked.kind.as_str() {
        "env" => grants.env.contains(&asked.name),
        "dirs" => {
            let normal = |path: &str| path.trim_start_matches("./").trim_end_matches('/').to_owned();
            let asked = normal(&asked.name);
            grants.dirs.iter().map(|dir| normal(&dir.guest_path)).any(|given| {
                given == asked || given == "." || given.is_empty() || asked.starts_with(&format!("{given}/"))
            })
        }
        "http" => match url::Url::parse(&asked.name) {
            Ok(url) => {
                let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
                let port = url.port_or_known_default().unwrap_or_default();
                grants.http.iter().any(|grant| grant.allows_host(scheme, host, port))
            }
            // A wildcard is no URL: then it must be granted as it is written.
            Err(_) => grants.http.iter().any(|grant| grant.to_string() == asked.name),
        },
        _ => false,
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

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::DirGrant;

    fn described() -> Description {
        let setting = |name: &str, kind: &str, required| Setting {
            name: name.into(),
            kind: kind.into(),
            required,
            default_value: None,
            help: "help".into(),
        };
        let grant = |kind: &str, name: &str| AskedGrant { kind: kind.into(), name: name.into(), reason: "why".into() };
        Description {
            settings: vec![setting("path", "text", true), setting("rows", "integer", false)],
            grants: vec![
                grant("dirs", "data/eu"),
                grant("http", "https://api.example.com"),
                grant("env", "LANG"),
                grant("sql", "main"),
            ],
            ..Description::default()
        }
    }

    fn settings(value: Value) -> Settings {
        Settings(value.as_object().unwrap().clone())
    }

    #[test]
    fn settings_are_checked_by_name_and_kind() {
        let description = described();
        assert_eq!(description.check_settings(&settings(json!({ "path": "a", "rows": 1 }))), Ok(()));
        let error = description.check_settings(&settings(json!({ "pth": "a" }))).unwrap_err();
        assert!(error.contains("`pth`") && error.contains("path, rows"), "{error}");
        let error = description.check_settings(&settings(json!({ "rows": "1" }))).unwrap_err();
        assert!(error.contains("`rows` is text: expected integer"), "{error}");
    }

    #[test]
    fn what_is_not_given_is_missing() {
        let mut cache = CacheConfig::new("c".parse().unwrap(), "p.wasm");
        let needs = described().needs(&cache);
        assert_eq!((needs.settings.len(), needs.grants.len()), (1, 4));
        cache.settings = settings(json!({ "path": "data/eu/a.csv" }));
        cache.grants.dirs.push(DirGrant::new("./data/", Path::new("/")));
        cache.grants.http.push("https://*.example.com".parse().unwrap());
        cache.grants.env.push("LANG".into());
        let needs = described().needs(&cache);
        assert_eq!((needs.settings.len(), needs.grants.len()), (0, 1));
        assert_eq!(needs.grants[0].kind, "sql");
    }
}
