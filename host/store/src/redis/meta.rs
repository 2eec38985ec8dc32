//! The meta hash of a cache: the names of its fields, and how they are read.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use redis::Value;
use serde::Deserialize;

use super::reply::{number, text};
use crate::{DefinitionId, Failing, Head, Id, LastError, Layout, Push, Root, Ttl};

/// The format of what this build writes, and the newest it reads.
pub(super) const FORMAT: u64 = 2;

/// The fields that describe the data.
pub(super) const HEAD: [&str; 12] = [
    "format",
    "id",
    "entries",
    "checked_at",
    "seq",
    "bytes",
    "root",
    "mark",
    "loaded_at",
    "ttl",
    "refill_interval",
    "push",
];

/// The value of the field `push` where deltas are announced.
pub(super) const PUSH_DELTA: &str = "delta";

/// The fields that name the layout of the data, and identify the record a host has written.
pub(super) const LAYOUT: [&str; 4] = ["layout", "record", "record_bytes", "record_tail"];

/// The fields that say where the data is: the version (absent in format 1, empty where the one chunk of a small map is in
/// meta itself), how many segments it has, how many deltas lead on from it, and which snapshot the hash shows.
pub(super) const PLACE: [&str; 4] = ["version", "segments", "steps", "view"];

/// The values of the fields `HEAD`, `LAYOUT` and `PLACE`, apart. `None`: the reply has fewer.
pub(super) fn split(fields: &[Value]) -> Option<(&[Value], &[Value], &[Value])> {
    let (head, rest) = fields.split_at_checked(HEAD.len())?;
    let (layout, rest) = rest.split_at_checked(LAYOUT.len())?;
    Some((head, layout, rest.get(..PLACE.len())?))
}

/// The field that holds the failures of each definition, as JSON.
pub(super) const FAILURES: &str = "failures";

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
    number(value).map(since_1970)
}

/// The time in a reply to TIME, in milliseconds, as the scripts count: else what happened just now would be in the future.
pub(super) fn clock(reply: &Value) -> Option<SystemTime> {
    let Value::Array(clock) = reply else { return None };
    let [seconds, micros] = &clock[..] else { return None };
    let since_1970 =
        Duration::from_secs(number(seconds)?).checked_add(Duration::from_millis(number(micros)? / 1_000))?;
    SystemTime::UNIX_EPOCH.checked_add(since_1970)
}

/// That many milliseconds after 1970.
pub(super) fn since_1970(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.min(MAX_MILLIS))
}

/// The format in the values of the fields `HEAD`, where this build does not read it.
pub(super) fn newer_format(fields: &[Value]) -> Option<u64> {
    fields.first().and_then(number).filter(|&format| format > FORMAT)
}

/// The head in the values of the fields `HEAD`. `None`: there is none, or it is incomplete.
pub(super) fn head(fields: &[Value]) -> Option<Head> {
    let [_format, id, entries, checked_at, seq, bytes, root, mark, loaded_at, ttl, refill_interval, push] = fields
    else {
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
        push: if text(push) == Some(PUSH_DELTA) { Push::Delta } else { Push::Hint },
    })
}

/// The failures in the value of the field `FAILURES`, the latest first. None, if they cannot be read.
pub(super) fn failing(value: &Value) -> Vec<Failing> {
    let failures = text(value).and_then(|json| serde_json::from_str::<HashMap<String, FailingText>>(json).ok());
    let failing = |(definition, text): (String, FailingText)| Some(text.of(definition.parse().ok()?));
    let mut failing: Vec<Failing> = failures.unwrap_or_default().into_iter().filter_map(failing).collect();
    failing.sort_by_key(|failing| (Reverse(failing.last.at), failing.definition));
    failing
}

/// The failures of one definition, as `fail.lua` writes them. Times are in milliseconds.
#[derive(Deserialize)]
struct FailingText {
    times: u32,
    since: u64,
    at: u64,
    retry_at: u64,
    host: String,
    kind: String,
    message: String,
}

impl FailingText {
    fn of(self, definition: DefinitionId) -> Failing {
        Failing {
            definition,
            times: self.times,
            since: since_1970(self.since),
            last: LastError { at: since_1970(self.at), kind: self.kind, message: self.message },
            host: self.host,
            retry_at: since_1970(self.retry_at),
        }
    }
}

/// The layout in the values of the fields `LAYOUT`. `None`: nothing is published, or its layout is unknown.
pub(super) fn layout(fields: &[Value]) -> Option<Layout> {
    let [layout, record, ..] = fields else { return None };
    let key = || text(record)?.strip_prefix("resource:")?.parse().ok();
    match text(layout)? {
        "hash" => Some(Layout::Hash),
        "version" => Some(Layout::Version),
        "record" => key().map(Layout::Record),
        "both" => key().map(Layout::Both),
        _ => None,
    }
}

/// Where the data of a snapshot is: the values of the fields `PLACE`.
pub(super) struct Place {
    pub(super) version: Version,
    /// How many deltas of the log lead from there to what is published.
    pub(super) steps: u64,
    /// Which snapshot the hash shows: empty where that is not known.
    pub(super) view: String,
}

/// What holds a snapshot, except for the deltas that lead on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The plain hash alone, as hosts of format 1 wrote it. (Or a record, which is told by its layout.)
    Hash,
    /// One chunk in meta.
    Inline,
    /// A key of its own, with so many segments.
    Segments(Id, u64),
}

impl Place {
    pub(super) fn of(fields: &[Value]) -> Option<Self> {
        let [version, segments, steps, view] = fields else { return None };
        let version = match text(version) {
            None => Version::Hash,
            Some("") => Version::Inline,
            Some(id) => Version::Segments(id.parse().ok()?, number(segments)?),
        };
        Some(Self {
            version,
            steps: number(steps).unwrap_or_default(),
            view: text(view).unwrap_or_default().to_owned(),
        })
    }
}
