//! What a cache lacks, as the keys and values to add to its table in kiwi.toml.

use std::fs;
use std::path::{Path, PathBuf};

use kiwi_host::{AskedGrant, CacheConfig, Needs, Setting};
use toml_edit::{Array, InlineTable, Key, Value};

use crate::config::{Config, is_grant_kind};
use crate::shipped;

const SECRETS: &str = "secrets";

/// The value of a setting that only the operator knows. `check` refuses it.
pub(super) const PLACEHOLDER: &str = "...";

/// What a cache lacks.
pub(crate) struct Missing {
    /// The plugin, if kiwi.toml does not have the cache yet.
    pub(super) plugin: Option<String>,
    pub(super) settings: Vec<MissingSetting>,
    /// Of the kinds that this host has.
    pub(super) grants: Vec<AskedGrant>,
    /// Kinds of grants that this host does not have, so that kiwi.toml cannot grant them.
    pub(super) unknown_kinds: Vec<String>,
    /// The server that a secret is for, where the cache knows only one.
    origin: Option<String>,
    /// What the grants name and kiwi.toml does not define.
    pub(super) definitions: Vec<Definition>,
}

/// What must be added for a grant that names what kiwi.toml does not define.
pub(super) struct Definition {
    /// What is defined.
    pub(super) name: String,
    /// Where it goes.
    pub(super) place: &'static str,
    pub(super) lines: Vec<String>,
}

/// A secret to grant.
pub(super) struct MissingSecret<'m> {
    pub(super) name: &'m str,
    pub(super) origins: Array,
    /// Whether the origins can stay as they are.
    pub(super) is_complete: bool,
    pub(super) reason: String,
}

/// A setting to add.
pub(super) struct MissingSetting {
    pub(super) name: String,
    pub(super) value: Value,
    /// Whether the value can stay as it is.
    pub(super) is_complete: bool,
    pub(super) help: String,
}

impl Missing {
    /// What `cache` lacks to run its plugin under this configuration.
    pub(crate) fn new(config: Option<&Config>, cache: &CacheConfig, needs: &Needs) -> Self {
        let is_new = !config.is_some_and(|config| config.has(&cache.name));
        let (grants, unknown): (Vec<_>, Vec<_>) =
            needs.grants.iter().cloned().partition(|grant| is_grant_kind(&grant.kind));
        let mut unknown_kinds: Vec<String> = unknown.into_iter().map(|grant| grant.kind).collect();
        unknown_kinds.dedup();
        let asked = grants.iter().filter(|grant| grant.kind == "http").map(|grant| grant.name.clone());
        let mut origins: Vec<String> = cache.grants.http.iter().map(ToString::to_string).chain(asked).collect();
        origins.dedup();
        Self {
            origin: origins.pop().filter(|_| origins.is_empty()),
            definitions: grants.iter().filter_map(|grant| definition(config, grant)).collect(),
            plugin: cache.plugin().filter(|_| is_new).map(|plugin| as_written(config, plugin)),
            settings: needs.settings.iter().map(MissingSetting::new).collect(),
            grants,
            unknown_kinds,
        }
    }

    /// Whether there is nothing to add.
    pub(crate) fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.grants.is_empty()
    }

    /// Takes out the grants that are not for `check --fix` to give.
    pub(crate) fn take_grants(&mut self, mut is_taken: impl FnMut(&AskedGrant) -> bool) -> Vec<AskedGrant> {
        let (taken, kept) = std::mem::take(&mut self.grants).into_iter().partition(|grant| is_taken(grant));
        self.grants = kept;
        taken
    }

    /// The secrets to grant, each with the server that it is for, if that is known.
    pub(super) fn secrets(&self) -> impl Iterator<Item = MissingSecret<'_>> {
        self.grants.iter().filter(|grant| grant.kind == SECRETS).map(|grant| MissingSecret {
            name: &grant.name,
            origins: Array::from_iter([self.origin.as_deref().unwrap_or("https://...")]),
            is_complete: self.origin.is_some(),
            reason: one_line(&grant.reason),
        })
    }

    /// The kinds of the missing grants, each once, but for secrets: their grants are no lists of names.
    pub(super) fn grant_kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.kind != SECRETS) {
            if !kinds.contains(&grant.kind.as_str()) {
                kinds.push(&grant.kind);
            }
        }
        kinds
    }

    /// The names of the missing grants of one kind, and why they are asked for.
    pub(super) fn grants_of(&self, kind: &str) -> (Vec<&str>, String) {
        let of_kind = || self.grants.iter().filter(|grant| grant.kind == kind);
        let reasons: Vec<String> = of_kind().map(|grant| one_line(&grant.reason)).collect();
        (of_kind().map(|grant| grant.name.as_str()).collect(), reasons.join("; "))
    }
}

impl MissingSetting {
    fn new(setting: &Setting) -> Self {
        let default = setting.default_value.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let value = default.and_then(to_toml);
        Self {
            name: setting.name.clone(),
            is_complete: value.is_some(),
            value: value.unwrap_or_else(|| PLACEHOLDER.into()),
            help: one_line(&setting.help),
        }
    }
}

fn definition(config: Option<&Config>, grant: &AskedGrant) -> Option<Definition> {
    let credentials = config.map(|config| &config.credentials);
    let key = Key::new(&grant.name);
    let key = key.display_repr();
    match grant.kind.as_str() {
        SECRETS if !credentials.is_some_and(|credentials| credentials.has_secret(&grant.name)) => {
            let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
            let variable: String = grant.name.chars().map(letter).collect();
            Some(Definition {
                name: grant.name.clone(),
                place: "in the table `[secrets]`, for example",
                lines: vec![format!("{key} = {{ env = \"{variable}\" }}")],
            })
        }
        "auth" if !credentials.is_some_and(|credentials| credentials.has_auth(&grant.name)) => Some(Definition {
            name: grant.name.clone(),
            place: "in a table of its own, for example",
            lines: vec![
                format!("[auth.{key}]"),
                "kind = \"bearer\"".to_owned(),
                "hosts = [\"https://...\"]".to_owned(),
                "token = { env = \"...\" }".to_owned(),
            ],
        }),
        _ => None,
    }
}

/// The settings of a cache that still have the placeholder as their value.
pub(super) fn unfilled(cache: &CacheConfig) -> Vec<String> {
    let settings: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&cache.settings.to_json()).unwrap_or_default();
    let unfilled = settings.into_iter().filter(|(_, value)| value.as_str() == Some(PLACEHOLDER));
    unfilled.map(|(name, _)| name).collect()
}

/// A plugin as it is written in kiwi.toml: by its name if it is a shipped one, and otherwise by its path, relative to the file
/// if the plugin is below it.
fn as_written(config: Option<&Config>, plugin: &Path) -> String {
    if let Some(name) = shipped::name_of(plugin) {
        return name.to_owned();
    }
    let base = config.and_then(|config| config.path.parent()).unwrap_or(Path::new(""));
    let relative = || -> Option<PathBuf> {
        let base = fs::canonicalize(if base == Path::new("") { Path::new(".") } else { base }).ok()?;
        let plugin = fs::canonicalize(plugin).ok()?;
        Some(plugin.strip_prefix(&base).map(Path::to_owned).unwrap_or(plugin))
    };
    let written = if base == Path::new("") { Some(plugin.to_owned()) } else { relative() };
    written.as_deref().unwrap_or(plugin).display().to_string()
}

/// Text from a plugin may contain anything: without line breaks it cannot leave its comment.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn to_toml(json: serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => return None,
        Json::Bool(flag) => flag.into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.into(),
        Json::Array(items) => items.into_iter().map(to_toml).collect::<Option<Array>>()?.into(),
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Some((name, to_toml(value)?)));
            fields.collect::<Option<InlineTable>>()?.into()
        }
    })
}
