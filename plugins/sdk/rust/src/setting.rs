//! One setting, as a description shows it.

use serde::Serialize;

use crate::SettingKind;
use crate::bindings::about;

/// One setting: its key, the kind of its value, and a sentence of help.
///
/// [`#[derive(Settings)]`](macro@crate::Settings) makes them of the struct that the settings are read into. Build them
/// by hand only where that does not fit:
///
/// ```
/// use kiwi_loader::{Description, Setting};
///
/// let description = Description::new("The exchange rates of the European Central Bank.")
///     .setting(Setting::text("currency", "The code of the base currency.").default_value("EUR"))
///     .setting(Setting::integer("days", "How many days to go back.").required());
/// # let _ = description;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Setting(about::Setting);

macro_rules! kinds {
    ($($(#[$doc:meta])* $function:ident: $kind:ident;)*) => {
        $($(#[$doc])*
        pub fn $function(name: &str, help: &str) -> Self {
            Self::new(SettingKind::$kind, name, help)
        })*
    };
}

impl Setting {
    /// A setting of this kind.
    pub fn new(kind: SettingKind, name: &str, help: &str) -> Self {
        let (name, kind, help) = (name.into(), kind.into_contract(), help.into());
        Self(about::Setting { name, kind, required: false, default_value: None, help })
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

    /// The loader does not run without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.0.required = true;
        self
    }

    /// What holds when it is not set. This is shown only: the loader's own settings must default to the same.
    ///
    /// # Panics
    /// The value cannot be written as JSON.
    #[must_use]
    pub fn default_value(self, value: impl Serialize) -> Self {
        self.default_json(&serde_json::to_string(&value).expect("a default value is JSON"))
    }

    pub(crate) fn default_json(mut self, json: &str) -> Self {
        self.0.default_value = Some(json.into());
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn into_contract(self) -> about::Setting {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_json_text() {
        assert_eq!(Setting::text("a", "").default_value("EUR").0.default_value.as_deref(), Some("\"EUR\""));
    }
}
