//! What the settings say of the key of a row.

use std::fmt;

use kiwi_loader::{SettingKind, SettingValue};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// The setting `key`: the field whose value is the key, or several. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetting(pub(crate) Vec<String>);

/// What to do with a row that has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
pub enum OnMissingKey {
    /// The load fails.
    Fail,
    /// The row is left out.
    Skip,
}

impl SettingValue for KeySetting {
    const KIND: SettingKind = SettingKind::Any;
}

impl<'de> Deserialize<'de> for KeySetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = KeySetting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field, or an array of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<KeySetting, E> {
                Ok(KeySetting(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<KeySetting, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = names.next_element()? {
                    fields.push(name);
                }
                if fields.is_empty() { Err(Error::invalid_length(0, &self)) } else { Ok(KeySetting(fields)) }
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_a_name_or_an_array_of_names() {
        let read = serde_json::from_str::<KeySetting>;
        assert_eq!(read(r#""id""#).unwrap(), KeySetting(vec!["id".into()]));
        assert_eq!(read(r#"["a", "/b/c"]"#).unwrap(), KeySetting(vec!["a".into(), "/b/c".into()]));
        for invalid in ["1", "[]", "[1]", "{}", "null"] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
    }
}
