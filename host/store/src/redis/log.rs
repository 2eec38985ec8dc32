//! The log: the deltas that lead from a version to what is published.

use bytes::Bytes;
use redis::Value;

use super::reply::text;
use crate::{Delta, Id, Result, frame};

/// One delta of the log.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its id in the stream.
    pub(super) at: String,
    pub(super) from: Id,
    pub(super) to: Id,
    packed: Bytes,
}

impl Record {
    /// From an element of a reply to XRANGE. `None`: another program has written it.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let Value::Array(record) = value else { return None };
        let [at, Value::Array(fields)] = &record[..] else { return None };
        let [_, from, _, to, _, Value::BulkString(packed)] = &fields[..] else { return None };
        let id = |value: &Value| text(value)?.parse::<Id>().ok();
        Some(Self { at: text(at)?.to_owned(), from: id(from)?, to: id(to)?, packed: Bytes::copy_from_slice(packed) })
    }

    pub(super) fn delta(&self) -> Result<Delta> {
        Delta::unpack(&frame::unpack(&self.packed)?)
    }

    /// How many bytes it counts in the log.
    pub(super) fn bytes(&self) -> u64 {
        self.packed.len() as u64
    }
}

/// The records that lead from one snapshot to another, in their order, of a log whose oldest record comes first. `None`:
/// there is no such way.
pub(super) fn path(from: Id, to: Id, log: &[Record]) -> Option<&[Record]> {
    if from == to {
        return Some(&[]);
    }
    let last = log.iter().rposition(|record| record.to == to)?;
    let mut first = last;
    while log[first].from != from {
        let before = first.checked_sub(1)?;
        if log[before].to != log[first].from {
            return None;
        }
        first = before;
    }
    Some(&log[first..=last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_unbroken() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Id::of);
        let record = |from, to| Record { at: String::new(), from, to, packed: Bytes::new() };
        let log = [record(a, b), record(b, c), record(c, d)];
        let length = |from, to| path(from, to, &log).map(<[Record]>::len);
        assert_eq!((length(a, d), length(b, c), length(c, c)), (Some(3), Some(1), Some(0)));
        assert_eq!((length(d, a), length(b, a), length(Id::of(9), d)), (None, None, None));
        let broken = [record(a, b), record(c, d)];
        assert!(path(a, d, &broken).is_none() && path(c, d, &broken).is_some());
    }
}
