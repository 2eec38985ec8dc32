//! Which record is stored, without reading all of it.

use redis::{Cmd, Value};
use xxhash_rust::xxh3::xxh3_128;

use super::keys::Record;
use super::reply::{number, text};
use crate::{Foreign, Id};

/// So many bytes of either end of a record surely contain its timestamp.
const END_BYTES: usize = 64;

/// The length and both ends of a record. The timestamp is in them, because an object of two members has it
/// at one of its ends.
pub(super) struct Digest<'a> {
    bytes: u64,
    first: &'a [u8],
    last: &'a [u8],
}

impl<'a> Digest<'a> {
    pub(super) fn of(json: &'a [u8]) -> Self {
        let end = END_BYTES.min(json.len());
        Self { bytes: json.len() as u64, first: &json[..end], last: &json[json.len() - end..] }
    }

    /// The commands that read it without reading all of the record.
    pub(super) fn commands(record: &Record) -> [Cmd; 3] {
        let of_record = |command: &str| {
            let mut read = redis::cmd(command);
            read.arg(&record.resource);
            read
        };
        let (mut first, mut last) = (of_record("GETRANGE"), of_record("GETRANGE"));
        first.arg(0).arg(END_BYTES - 1);
        last.arg(-(END_BYTES as i64)).arg(-1);
        [of_record("STRLEN"), first, last]
    }

    /// From the replies to [`Digest::commands`]. `None`: there is no record.
    pub(super) fn read(replies: &'a [Value]) -> Option<Self> {
        let [bytes, Value::BulkString(first), Value::BulkString(last)] = replies else { return None };
        Some(Self { bytes: number(bytes).filter(|&bytes| bytes > 0)?, first, last })
    }

    /// Whether it is the record that a host has written, by the values of meta's fields `LAYOUT`. A record
    /// with another length or another end was written by another program since.
    pub(super) fn is_ours(&self, record: &Record, fields: &[Value]) -> bool {
        let [_, name, bytes, tail] = fields else { return false };
        let Some(tail) = text(tail).filter(|tail| !tail.is_empty()) else { return false };
        text(name) == Some(&record.resource)
            && number(bytes) == Some(self.bytes)
            && self.last.ends_with(tail.as_bytes())
    }

    pub(super) fn foreign(&self) -> Foreign {
        Foreign { id: self.id(), bytes: self.bytes }
    }

    /// An id for a record that was not given one.
    pub(super) fn id(&self) -> Id {
        Id::of(xxh3_128(&[&self.bytes.to_le_bytes(), self.first, self.last].concat()))
    }
}
