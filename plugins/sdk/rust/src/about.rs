//! What a loader tells about itself, so that the operator knows before it runs what it takes and needs.

use serde::Serialize;

use crate::bindings::about;
use crate::http::origin;

/// What `describe` returns: one sentence, the settings, the grants.
///
/// The name and the version are those of the author's crate.
///
/// ```
/// use kiwi_loader::{Description, Grant, Setting};
///
/// fn describe() -> Description {
///     Description::new("The exchange rates of the European Central Bank.")
///         .setting(Setting::text("currency", "The code of the currency to count in.").default_value("EUR"))
///         .setting(Setting::integer("days", "How many days to go back.").required())
///         .grant(Grant::http("https://www.ecb.europa.eu", "to fetch the rates"))
///         .reload_ttl("1h")
/// }
/// # let _ = describe();
/// ```
#[derive(Clone, Debug)]
pub struct Description(about::Description);

impl Description {
    /// Begins with one sentence about what the loader loads.
    pub fn new(summary: &str) -> Self {
        Self(about::Description {
            name: String::new(),
            version: String::new(),
            summary: summary.into(),
            reload_ttl: None,
            cache_ttl: None,
            settings: Vec::new(),
            grants: Vec::new(),
        })
    }

    /// A name for people, instead of the crate's.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    /// Adds a setting. Once there is a description, the host refuses settings that it does not tell.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.0.settings.push(setting.0);
        self
    }

    /// Adds a grant that the loader needs.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.0.grants.push(grant.0);
        self
    }

    /// The `reload_ttl` that suits the source, as in kiwi.toml: `5m`. The operator's wins.
    #[must_use]
    pub fn reload_ttl(mut self, duration: &str) -> Self {
        self.0.reload_ttl = Some(duration.into());
        self
    }

    /// The `cache_ttl` that suits the source, as in kiwi.toml: `1h`, or `none`. The operator's wins.
    #[must_use]
    pub fn cache_ttl(mut self, duration: &str) -> Self {
        self.0.cache_ttl = Some(duration.into());
        self
    }

    pub(crate) fn of_crate(mut self, name: &str, version: &str) -> about::Description {
        if self.0.name.is_empty() {
            self.0.name = name.into();
        }
        self.0.version = version.into();
        self.0
    }
}

/// One setting: its key, the kind of its value, and a sentence of help.
#[derive(Clone, Debug)]
pub struct Setting(about::Setting);

macro_rules! kinds {
    ($($(#[$doc:meta])* $function:ident: $kind:ident;)*) => {
        impl Setting {
            $($(#[$doc])*
            pub fn $function(name: &str, help: &str) -> Self {
                Self::new(about::SettingKind::$kind, name, help)
            })*
        }
    };
}

kinds! {
    /// A string.
    text: Text;
    /// A whole number.
    integer: Integer;
    /// A number.
    number: Number;
    /// `true` or `false`.
    boolean: Boolean;
    /// An array.
    array: Array;
    /// A table.
    table: Table;
    /// A value of any kind.
    any: Any;
}

impl Setting {
    fn new(kind: about::SettingKind, name: &str, help: &str) -> Self {
        Self(about::Setting { name: name.into(), kind, required: false, default_value: None, help: help.into() })
    }

    /// The loader does not run without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.0.required = true;
        self
    }

    /// What holds when it is not set. This only tells: the loader's own settings must default to the same.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    #[must_use]
    pub fn default_value(mut self, value: impl Serialize) -> Self {
        self.0.default_value = Some(serde_json::to_string(&value).expect("a default value is JSON"));
        self
    }
}

/// One grant that the loader needs.
#[derive(Clone, Debug)]
pub struct Grant(about::Grant);

impl Grant {
    /// HTTP to a server: `https://api.example.com`, `http://127.0.0.1:8080`. Of a longer URL only this part is taken.
    pub fn http(url: &str, reason: &str) -> Self {
        Self::new("http", &origin(url), reason)
    }

    /// Reading a directory, under the path it has in kiwi.toml.
    pub fn dir(path: &str, reason: &str) -> Self {
        Self::new("dirs", path, reason)
    }

    /// An environment variable.
    pub fn env(variable: &str, reason: &str) -> Self {
        Self::new("env", variable, reason)
    }

    fn new(kind: &str, name: &str, reason: &str) -> Self {
        Self(about::Grant { kind: kind.into(), name: name.into(), reason: reason.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_the_crates_unless_told() {
        let plain = Description::new("x").of_crate("rates", "1.2.3");
        assert_eq!((plain.name.as_str(), plain.version.as_str()), ("rates", "1.2.3"));
        assert_eq!(Description::new("x").name("ECB").of_crate("rates", "1.2.3").name, "ECB");
    }

    #[test]
    fn a_default_is_json_text() {
        assert_eq!(Setting::text("a", "").default_value("EUR").0.default_value.as_deref(), Some("\"EUR\""));
    }
}
