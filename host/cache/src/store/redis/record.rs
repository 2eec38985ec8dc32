//! The record of a cache: the whole map as one string, as kiwi-cache writes and reads it.
//!
//! `{"data": {KEY: VALUE, ...}, "timestamp": SECONDS}`, with these two members and no other. Values stay the
//! text they are, so that numbers keep their digits. A host stages the record piece by piece, and its
//! commit adds the end; whoever finds another end, or another length, sees that somebody else has
//! written since.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use redis::{Cmd, Value};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_128;

use super::Redis;
use super::head::{LAYOUT, number, text};
use super::keys::{Keys, Record};
use crate::store::{Chunk, Layout, Lease};
use crate::{Batch, Error, Foreign, Head, Id, Name, Result, Ttl};

/// No command writes more than this, so that none makes others wait for long.
const PIECE_BYTES: usize = 1 << 20;
/// As much of either end of a record as surely holds its timestamp.
const ENDS_BYTES: i64 = 64;

const BEGINNING: &str = r#"{"data": {"#;

impl Redis {
    /// Adds entries to the record that is staged. Each piece is written to its own place, so that it may
    /// be sent twice.
    pub(super) async fn stage_record(&self, lease: &Lease, staged: &str, batch: &Batch) -> Result<()> {
        let mut entries = batch.iter().peekable();
        while entries.peek().is_some() {
            let offset = lease.staged_bytes();
            let mut piece = String::new();
            while piece.len() < PIECE_BYTES {
                let Some((key, value)) = entries.next() else { break };
                piece.push_str(if offset == 0 && piece.is_empty() { BEGINNING } else { ", " });
                piece.push_str(&serde_json::to_string(key).expect("a text is JSON"));
                piece.push_str(": ");
                piece.push_str(value);
            }
            let end = offset + piece.len() as u64;
            let mut write = redis::cmd("SETRANGE");
            write.arg(staged).arg(offset).arg(piece);
            let written = self.write_staged(lease, staged, write).await;
            written.map_err(|error| if is_too_big(&error) { self.too_big().of(&lease.cache) } else { error })?;
            lease.set_staged_bytes(end);
        }
        Ok(())
    }

    pub(super) fn too_big(&self) -> Error {
        Error::invalid(format!(
            "its record would have more than the 512 MB (`proto-max-bulk-len`) that one string in Redis at {} can hold: \
             expected a smaller map, or `layout = \"hash\"`, which has no such bound",
            self.server.location
        ))
    }

    pub(super) async fn is_in_staged_record(&self, lease: &Lease, staged: &str, key: &str) -> Result<bool> {
        let mut get = redis::cmd("GET");
        get.arg(staged);
        let reply = self.command(&lease.cache, get).await?;
        let Some(begun) = text(&reply) else { return Ok(false) };
        let Ok(parsed) = serde_json::from_str::<Parsed>(&format!("{begun}}}}}")) else { return Ok(false) };
        Ok(parsed.data.is_some_and(|data| data.0.iter().any(|(staged, _)| staged == key)))
    }

    /// The record, whoever wrote it.
    pub(super) async fn read_record(&self, cache: &Name, keys: &Keys, record: &Record) -> Result<Chunk> {
        let mut get = redis::cmd("GET");
        get.arg(&record.resource);
        let mut life = redis::cmd("PTTL");
        life.arg(&record.resource);
        let replies = self.read_record_with_meta(cache, keys, [redis::cmd("TIME"), life, get]).await?;
        let [Value::Array(meta), Value::Array(clock), life, json] = &replies[..] else {
            return Err(self.odd_reply(cache, &[]));
        };
        let Value::BulkString(json) = json else {
            return Ok(Chunk { head: None, entries: Batch::default(), next: None });
        };
        let (fields, layout) = meta.split_at(meta.len() - LAYOUT.len());
        let (parsed, json_bytes) = (self.parse(cache, record, json)?, json.len() as u64);
        let Some((entries, saved_at)) = parsed.complete() else {
            return Err(self.malformed(record).of(cache));
        };
        let ours = Imprint::of(json).is_told_by(record, layout);
        let head = match self.server.head(cache, fields)?.filter(|_| ours) {
            Some(head) => head,
            None => {
                let now = clock.first().and_then(number).map(Duration::from_secs).unwrap_or_default();
                let saved_at = SystemTime::UNIX_EPOCH + saved_at.min(now);
                let left = number(life).map(Duration::from_millis);
                let whole_life = left.map(|left| left + now.saturating_sub(saved_at_since_epoch(saved_at)));
                let id = Imprint::of(json).id();
                foreign_head(id, &entries, json_bytes, saved_at, whole_life)
            }
        };
        Ok(Chunk { head: Some(head), entries, next: None })
    }

    fn parse(&self, cache: &Name, record: &Record, json: &[u8]) -> Result<Parsed> {
        serde_json::from_slice(json).map_err(|error| {
            Error::value(format!(
                "`{}` in Redis at {} is no record of kiwi-cache: {error}; expected {{\"data\": {{...}}, \"timestamp\": \
                 SECONDS}}: delete the key, or see what writes it",
                record.resource, self.server.location
            ))
            .of(cache)
        })
    }

    /// As kiwi-cache does: what has more or fewer members than these two counts as not there.
    fn malformed(&self, record: &Record) -> Error {
        Error::missing(format!(
            "`{}` in Redis at {} is no record of kiwi-cache, and counts as missing: expected an object with exactly \
             `data` and `timestamp`",
            record.resource, self.server.location
        ))
    }

    /// What a failed script means for a cache that has a record.
    pub(super) fn explain_layout(&self, cache: &Name, error: Error) -> Error {
        let layout = self.layout(cache);
        let Some(key) = layout.record_key() else { return error };
        if error.is_denied() {
            let (user, resource, lock) = (self.server.user(), key.resource(), key.lock());
            return error.adding(&format!("; its record also needs `ACL SETUSER {user} ~{resource} ~{lock}`"));
        }
        // What MOVED and CROSSSLOT are explained by.
        if !error.is_invalid() {
            return error;
        }
        Error::invalid(format!(
            "the layout `{}` does not work in a Redis Cluster, where its keys lie in different slots: expected a \
             standalone server, or `layout = \"hash\"`",
            layout.as_str()
        ))
        .because(error)
        .of(cache)
    }
}

fn saved_at_since_epoch(saved_at: SystemTime) -> Duration {
    saved_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A head for a record that says no more of itself than when it was saved. Whoever wrote it asks its
/// source again when the record's life is over.
fn foreign_head(id: Id, entries: &Batch, bytes: u64, saved_at: SystemTime, life: Option<Duration>) -> Head {
    Head {
        id,
        seq: 0,
        entries: entries.len() as u64,
        bytes,
        root: entries.iter().collect(),
        mark: None,
        loaded_at: saved_at,
        checked_at: saved_at,
        cache_ttl: life.map_or(Ttl::Forever, Ttl::For),
        refill_interval: life.unwrap_or(Duration::MAX),
    }
}

fn is_too_big(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("maximum allowed size"))
}

/// The reads that tell which record is there without reading it all: its length, and both its ends.
pub(super) fn imprint(record: &Record) -> [Cmd; 3] {
    let of_record = |command: &str| {
        let mut read = redis::cmd(command);
        read.arg(&record.resource);
        read
    };
    let (mut first, mut last) = (of_record("GETRANGE"), of_record("GETRANGE"));
    first.arg(0).arg(ENDS_BYTES - 1);
    last.arg(-ENDS_BYTES).arg(-1);
    [of_record("STRLEN"), first, last]
}

/// What tells one record from another. Its timestamp is in it, because an object of two members has it
/// at one of its ends.
pub(super) struct Imprint<'a> {
    bytes: u64,
    first: &'a [u8],
    last: &'a [u8],
}

impl<'a> Imprint<'a> {
    fn of(json: &'a [u8]) -> Self {
        let end = (ENDS_BYTES as usize).min(json.len());
        Self { bytes: json.len() as u64, first: &json[..end], last: &json[json.len() - end..] }
    }

    /// From the replies to the reads of [`imprint`]. `None`: there is no record.
    pub(super) fn read(replies: &'a [Value]) -> Option<Self> {
        let [bytes, Value::BulkString(first), Value::BulkString(last)] = replies else { return None };
        Some(Self { bytes: number(bytes).filter(|&bytes| bytes > 0)?, first, last })
    }

    /// Whether it is the record that meta's fields `LAYOUT` tell of.
    pub(super) fn is_told_by(&self, record: &Record, fields: &[Value]) -> bool {
        let [_, name, bytes, tail] = fields else { return false };
        let Some(tail) = text(tail).filter(|tail| !tail.is_empty()) else { return false };
        text(name) == Some(&record.resource)
            && number(bytes) == Some(self.bytes)
            && self.last.ends_with(tail.as_bytes())
    }

    pub(super) fn foreign(&self) -> Foreign {
        Foreign { id: self.id(), bytes: self.bytes }
    }

    fn id(&self) -> Id {
        Id::of(xxh3_128(&[&self.bytes.to_le_bytes(), self.first, self.last].concat()))
    }
}

/// The layout that meta's fields `LAYOUT` name, if it has no hash to be read.
pub(super) fn said_layout(fields: &[Value]) -> Option<Layout> {
    let [layout, record, ..] = fields else { return None };
    let key = text(record)?.strip_prefix("resource:")?.parse().ok()?;
    (text(layout)? == "record").then_some(Layout::Record(key))
}

/// A record as it was read.
#[derive(Default)]
struct Parsed {
    data: Option<Data>,
    timestamp: Option<Option<f64>>,
    has_more: bool,
}

impl Parsed {
    /// The entries and when they were saved, since 1970; of what has these two members and no others.
    fn complete(self) -> Option<(Batch, Duration)> {
        let (data, timestamp) = (self.data?, self.timestamp?);
        let saved_at = timestamp.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        (!self.has_more).then(|| (data.0, saved_at.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Parsed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `data` and `timestamp`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parsed, A::Error> {
                let mut parsed = Parsed::default();
                while let Some(name) = members.next_key::<Cow<'_, str>>()? {
                    match &*name {
                        "data" => parsed.data = Some(members.next_value()?),
                        "timestamp" => parsed.timestamp = Some(members.next_value()?),
                        _ => {
                            members.next_value::<serde::de::IgnoredAny>()?;
                            parsed.has_more = true;
                        }
                    }
                }
                Ok(parsed)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The map in a record: values as they stand in it.
struct Data(Batch);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
                let mut batch = Batch::default();
                while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
                    batch.push(&key, entries.next_value::<&RawValue>()?.get());
                }
                Ok(Data(batch))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
