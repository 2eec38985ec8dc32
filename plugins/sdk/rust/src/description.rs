//! What a loader says about itself, so that the operator knows what it takes and needs before it runs.

use serde::de::DeserializeOwned;

use crate::bindings::about;
use crate::{DescribeSettings, Grant, Setting};

/// What `describe` returns: one sentence, the settings, the grants.
///
/// The name and the version are those of the author's crate.
///
/// ```
/// use kiwi_loader::{Description, Grant, Settings};
///
/// #[derive(Settings)]
/// struct Settings {
///     /// Where to get the rates.
///     url: String,
///     /// The code of the base currency.
///     #[setting(default = "EUR")]
///     base: String,
/// }
///
/// fn describe() -> Description {
///     Description::new("The exchange rates of a bank.")
///         .settings::<Settings>()
///         .grants_for(|settings: Settings| [Grant::http(&settings.url, "to fetch the rates")])
///         .reload_ttl("1h")
/// }
///
/// // A unit test can compare descriptions. Without settings it is not known which server to ask for.
/// # let host = kiwi_loader::testing::Host::new();
/// let expected = Description::new("The exchange rates of a bank.").settings::<Settings>().reload_ttl("1h");
/// assert_eq!(host.run(describe), expected);
/// ```
#[derive(Clone, Debug, PartialEq)]
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

    /// Adds the settings of a type that [derives](macro@crate::Settings) them.
    #[must_use]
    pub fn settings<S: DescribeSettings>(self) -> Self {
        S::settings().into_iter().fold(self, Self::setting)
    }

    /// Adds a setting. The host refuses settings that the description does not name.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.0.settings.push(setting.into_contract());
        self
    }

    /// Adds a grant that the loader needs.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.0.grants.push(grant.into_contract());
        self
    }

    /// Adds the grants that the cache's settings call for. While the settings are missing or invalid, which is no
    /// failure of a description, it adds none.
    #[must_use]
    pub fn grants_for<S, G>(self, grants: impl FnOnce(S) -> G) -> Self
    where
        S: DeserializeOwned,
        G: IntoIterator<Item = Grant>,
    {
        match crate::settings() {
            Ok(settings) => grants(settings).into_iter().fold(self, Self::grant),
            Err(_) => self,
        }
    }

    /// The `reload_ttl` that suits the source, as in kiwi.toml: `5m`. The operator's takes precedence.
    #[must_use]
    pub fn reload_ttl(mut self, duration: &str) -> Self {
        self.0.reload_ttl = Some(duration.into());
        self
    }

    /// The `cache_ttl` that suits the source, as in kiwi.toml: `1h`, or `none`. The operator's takes precedence.
    #[must_use]
    pub fn cache_ttl(mut self, duration: &str) -> Self {
        self.0.cache_ttl = Some(duration.into());
        self
    }

    /// The description as the contract has it, with the name and the version of the author's crate.
    pub(crate) fn into_contract(mut self, crate_name: &str, crate_version: &str) -> about::Description {
        if self.0.name.is_empty() {
            self.0.name = crate_name.into();
        }
        self.0.version = crate_version.into();
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_the_crates_unless_given() {
        let plain = Description::new("x").into_contract("rates", "1.2.3");
        assert_eq!((plain.name.as_str(), plain.version.as_str()), ("rates", "1.2.3"));
        assert_eq!(Description::new("x").name("ECB").into_contract("rates", "1.2.3").name, "ECB");
    }
}
