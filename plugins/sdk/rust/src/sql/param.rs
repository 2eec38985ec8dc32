//! The values of placeholders.

use crate::host::sql as contract;

/// The value of a placeholder. Give dates, decimals, UUIDs and everything else as text: the database reads it as the
/// type that it expects there.
///
/// ```
/// use kiwi_loader::sql::Param;
///
/// let params = [Param::from("FR"), 7.into(), Some(1.5).into(), None::<bool>.into()];
/// assert_eq!(params[3], Param::Null);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Param {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text, or anything that the database reads from text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// No parameters.
pub const NONE: [Param; 0] = [];

impl Param {
    /// For the stand-in of a test.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_contract(param: contract::Param) -> Self {
        match param {
            contract::Param::Null => Self::Null,
            contract::Param::Boolean(value) => Self::Boolean(value),
            contract::Param::Integer(value) => Self::Integer(value),
            contract::Param::Float(value) => Self::Float(value),
            contract::Param::Text(value) => Self::Text(value),
            contract::Param::Bytes(value) => Self::Bytes(value),
        }
    }

    pub(super) fn into_contract(self) -> contract::Param {
        match self {
            Self::Null => contract::Param::Null,
            Self::Boolean(value) => contract::Param::Boolean(value),
            Self::Integer(value) => contract::Param::Integer(value),
            Self::Float(value) => contract::Param::Float(value),
            Self::Text(value) => contract::Param::Text(value),
            Self::Bytes(value) => contract::Param::Bytes(value),
        }
    }
}

impl From<bool> for Param {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Param {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Param {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Param {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Param {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
