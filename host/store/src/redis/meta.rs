//! The meta hash of a cache: the names of its fields, and how they are read.

use std::time::{Duration, SystemTime};

use redis::Value;

use super::reply::{number, text};
use crate::{Head, Id, LastError, Layout, Root, Ttl};

/// The format of what this build writes, and the newest it reads.
pub(super) const FORMAT: u64 = 1;

/// The fields that describe the data.
pub(super) const HEAD: [&str; 11] =
    ["format", "id", "entries", "checked_at", "seq", "bytes", "root", "mark", "loaded_at", "ttl", "refill_interval"];

/// The fields that name the layout of the data, and identify the record a host has written.
pub(super) const LAYOUT: [&str; 4] = ["layout", "record", "record_bytes", "record_tail"];

/// The fields that describe the last error.
pub(super) const ERROR: [&str; 3] = ["err_at", "err_kind", "err"];

/// Longer times (30,000 years) are cut, so that a script can add them to its clock.
const MAX_MILLIS: u64 = 1_000_000_000_000_000;

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(MAX_MILLIS)
}

/// Milliseconds since 1970.
pub(super) fn unix_millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis)
}

pub(super) fn ttl_millis(ttl: Ttl) -> u64 {
    ttl.as_millis().min(MAX_MILLIS)
}

pub(super) fn time(value: &Value) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(number(value)?.min(MAX_MILLIS)))
}

/// The format in the values of the fields `HEAD`, where this build does not read it.
pub(super) fn newer_format(fields: &[Value]) -> Option<u64> {
    fields.first().and_then(number).filter(|&format| format > FORMAT)
}

/// The head in the values of the fields `HEAD`. `None`: there is none, or it is incomplete.
pub(super) fn head(fields: &[Value]) -> Option<Head> {
    let [_format, id, entries, checked_at, seq, bytes, root, mark, loaded_at, ttl, refill_interval] = fields else {
        return None;
    };
    Some(Head {
        id: text(id)?.parse::<Id>().ok()?,
        seq: number(seq)?,
        entries: number(entries)?,
        bytes: number(bytes)?,
        root: text(root)?.parse::<Root>().ok()?,
        mark: text(mark).map(str::to_owned),
        loaded_at: time(loaded_at)?,
        checked_at: time(checked_at)?,
        cache_ttl: Ttl::from_millis(number(ttl)?),
        refill_interval: Duration::from_millis(number(refill_interval)?),
    })
}

/// The last error in the values of the fields `ERROR`.
pub(super) fn last_error(fields: &[Value]) -> Option<LastError> {
    let [at, kind, message] = fields else { return None };
    Some(LastError { at: time(at)?, kind: text(kind)?.to_owned(), message: text(message)?.to_owned() })
}

/// The layout in the values of the fields `LAYOUT`, if it is one without a hash.
pub(super) fn record_layout(fields: &[Value]) -> Option<Layout> {
    let [layout, record, ..] = fields else { return None };
    let key = text(record)?.strip_prefix("resource:")?.parse().ok()?;
    (text(layout)? == "record").then_some(Layout::Record(key))
}
