//! What kind of JSON value a setting takes.

use crate::bindings::about;

/// What kind of JSON value a setting takes.
///
/// ```
/// use kiwi_loader::{SettingKind, SettingValue};
///
/// assert_eq!(<Option<Vec<String>>>::KIND, SettingKind::Array);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingKind {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array.
    Array,
    /// A table: a JSON object.
    Table,
    /// A value of any kind.
    Any,
}

impl SettingKind {
    pub(crate) fn into_contract(self) -> about::SettingKind {
        match self {
            Self::Text => about::SettingKind::Text,
            Self::Integer => about::SettingKind::Integer,
            Self::Number => about::SettingKind::Number,
            Self::Boolean => about::SettingKind::Boolean,
            Self::Array => about::SettingKind::Array,
            Self::Table => about::SettingKind::Table,
            Self::Any => about::SettingKind::Any,
        }
    }
}
