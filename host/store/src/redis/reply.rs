//! Replies of Redis, read as texts and numbers.

use redis::{ErrorKind, RedisError, RedisResult, Value};

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => text(other)?.parse().ok(),
    }
}

pub(super) fn array(value: Value) -> RedisResult<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(unexpected(&format!("{other:?} instead of an array"))),
    }
}

/// The replies inside the reply of EXEC, the last of those to a transaction; or the first error: of queueing a command,
/// or of running it.
pub(super) fn executed(replies: Vec<Value>) -> RedisResult<Vec<Value>> {
    let mut last = Value::Nil;
    for reply in replies {
        last = reply.extract_error()?;
    }
    array(last)
}

pub(super) fn unexpected(what: &str) -> RedisError {
    (ErrorKind::UnexpectedReturnType, "unexpected reply", what.to_owned()).into()
}
