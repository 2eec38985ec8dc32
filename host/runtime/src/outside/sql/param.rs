//! What stands for a placeholder of a statement.

/// The value of one placeholder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
}
