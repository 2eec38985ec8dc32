//! The way through the recorded deltas from one snapshot to another.

use redis::Value;

use super::reply::text;
use crate::Id;

/// Which deltas lead from one snapshot to another, newest first, each with where it leads.
pub(super) enum Path<'a> {
    Found(Vec<(Id, &'a [u8])>),
    /// Older deltas are needed to tell.
    Longer,
    Broken,
}

/// Walks back from `to` through records of the stream, newest first, until one starts at `from`.
pub(super) fn path(from: Id, to: Id, records: &[Value]) -> Path<'_> {
    let id = |value: &Value| text(value)?.parse::<Id>().ok();
    let mut at = to;
    let mut steps = Vec::new();
    for record in records {
        if at == from {
            break;
        }
        let Value::Array(record) = record else { return Path::Broken };
        let Some(Value::Array(fields)) = record.get(1) else { return Path::Broken };
        let [_, record_from, _, record_to, _, Value::BulkString(delta)] = &fields[..] else { return Path::Broken };
        let (Some(before), true) = (id(record_from), id(record_to) == Some(at)) else { return Path::Broken };
        steps.push((at, &delta[..]));
        at = before;
    }
    if at == from { Path::Found(steps) } else { Path::Longer }
}
