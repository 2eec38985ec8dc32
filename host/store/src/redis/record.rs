//! The record of a cache: the whole map as one string, as kiwi-cache writes and reads it.
//!
//! Whoever finds another end, or another length, than meta tells of sees that somebody else has written
//! it since.

use std::time::{Duration, SystemTime};

use redis::{Cmd, RedisWrite, Value};
use xxhash_rust::xxh3::xxh3_128;

use super::Redis;
use super::head::{HEAD, millis, number, text};
use super::keys::{Keys, Record};
use super::read::WHOLE_TIMEOUT;
use super::refill::STAGING_TTL;
use crate::record_text::Parsed;
use crate::{Batch, Error, Foreign, Head, Id, Name, Result, Ttl};
use crate::{Chunk, Layout, Lease};

/// What one string of Redis holds, and with it a record.
const MOST_BYTES: usize = 512 << 20;
/// As much of either end of a record as surely holds its timestamp.
const ENDS_BYTES: i64 = 64;

impl Redis {
    /// Adds entries to the record, which stays here until the commit: Redis would copy a string that
    /// grows, while everybody waits, and a map that comes out the same need not be sent at all.
    pub(super) fn stage_record(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let mut record = lease.record();
        batch.iter().for_each(|(key, value)| record.push(key, value));
        if record.bytes() > MOST_BYTES {
            return Err(self.too_big().of(&lease.cache));
        }
        Ok(())
    }

    fn too_big(&self) -> Error {
        Error::invalid(format!(
            "its record would have more than the 512 MB that one string in Redis at {} can hold: expected a smaller map, \
             or `layout = \"hash\"`, which has no such bound",
            self.server.location
        ))
    }

    /// Sends the record of a lease, for the commit to put in its place.
    pub(super) async fn send_record(&self, lease: &Lease, staged: &str) -> Result<()> {
        let mut set = redis::cmd("SET");
        set.arg(staged);
        lease.record().write_to(set.writer_for_next_arg());
        set.arg("PX").arg(millis(STAGING_TTL));
        let sent = self.server.command_within(set, WHOLE_TIMEOUT).await;
        sent.map(|_| ()).map_err(|error| self.server.explain(error).of(&lease.cache))
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
        let Some((fields, layout)) = meta.split_at_checked(HEAD.len()) else {
            return Err(self.odd_reply(cache, &[]));
        };
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
