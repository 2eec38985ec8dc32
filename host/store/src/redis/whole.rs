//! A whole load: a version with the deltas that lead on from it, or a record, or a hash of format 1.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::stream::{self, StreamExt};
use redis::Value;

use super::keys::Keys;
use super::log::{Record, path};
use super::meta::{self, Place, Version};
use super::reply::text;
use super::server::Lane;
use super::store::Redis;
use crate::merged::Merged;
use crate::{Batch, Delta, Error, Id, Layout, Name, Part, Result, Root, Whole};

/// All of what is published, and what it is made of.
pub(super) struct Opened {
    pub(super) whole: Whole,
    /// The server's clock.
    pub(super) now: SystemTime,
    pub(super) version: Version,
    /// How many deltas lead on from the version, and their bytes.
    pub(super) steps: usize,
    pub(super) logged: u64,
    /// The last of them in the log; empty where there are none.
    pub(super) at: String,
}

impl Opened {
    pub(super) fn without_deltas(whole: Whole, now: SystemTime) -> Self {
        Self { whole, now, version: Version::Hash, steps: 0, logged: 0, at: String::new() }
    }
}

impl Redis {
    /// All of what is published, or of some partitions of it. `None`: missing or lost.
    pub(super) async fn open_whole(&self, cache: &Name, partitions: Option<&[usize]>) -> Result<Option<Opened>> {
        let keys = self.keys(cache);
        if let (Layout::Record(_), Some(record)) = (self.layout(cache), &keys.record) {
            return self.read_record(cache, &keys, record).await;
        }
        let (mut inline, mut log) = (redis::cmd("HMGET"), redis::cmd("XRANGE"));
        inline.arg(&keys.meta).arg("base").arg("inline");
        log.arg(&keys.log).arg("-").arg("+");
        let replies = self.read_with_meta(cache, &keys, [redis::cmd("TIME"), inline, log], Lane::Bulk).await?;
        let [Value::Array(fields), clock, Value::Array(start), Value::Array(records)] = &replies[..] else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        let Some(now) = meta::clock(clock) else { return Err(self.unexpected_reply(cache, &replies)) };
        let [base, inline] = &start[..] else { return Err(self.unexpected_reply(cache, &replies)) };
        let Some((head, layout, place)) = meta::split(fields) else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        if let Some(store) = self.with_layout_of(cache, layout) {
            return Box::pin(store.open_whole(cache, partitions)).await;
        }
        let head = self.server.head(head).map_err(|error| error.of(cache))?;
        let (Some(head), Some(place)) = (head, Place::of(place)) else { return Ok(None) };
        if place.version == Version::Hash {
            let whole = self.read_format_1(cache, &keys).await?;
            return Ok(whole.map(|whole| Opened::without_deltas(whole, now)));
        }
        let log: Vec<Record> = records.iter().filter_map(Record::of).collect();
        let base = text(base).and_then(|base| base.parse::<Id>().ok());
        // Without its deltas, what is published is lost.
        let Some(steps) = base.and_then(|base| path(base, head.id, &log)) else { return Ok(None) };
        let (count, logged) = (steps.len(), steps.iter().map(Record::bytes).sum());
        let at = steps.last().map(|last| last.at.clone()).unwrap_or_default();
        let deltas =
            steps.iter().map(Record::delta).collect::<Result<Vec<Delta>>>().map_err(|error| error.of(cache))?;
        let changes = (!deltas.is_empty()).then(|| Arc::new(Merged::of(deltas)));
        let set = changes.as_ref().map(|changes| Ok(Part::of(changes.set())));
        let whole = match (place.version, inline) {
            (Version::Inline, Value::BulkString(chunk)) => {
                let part = Part::of_chunk(chunk.clone().into(), changes);
                Whole::new(head, stream::iter(std::iter::once(Ok(part)).chain(set)))
            }
            (Version::Segments(version, _), _) => {
                let parts = self.parts(cache, &keys, version, partitions, changes).await?;
                Whole::new(head, parts.chain(stream::iter(set)))
            }
            _ => return Ok(None),
        };
        Ok(Some(Opened { whole, now, version: place.version, steps: count, logged, at }))
    }

    /// A hash as hosts of format 1 wrote it, read in small steps. The entries are gathered first, because a step may give
    /// an entry again. `None`: it is gone.
    async fn read_format_1(&self, cache: &Name, keys: &Keys) -> Result<Option<Whole>> {
        let mut entries = std::collections::HashMap::new();
        let (mut cursor, mut head) = (b"0".to_vec(), None);
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(&keys.data).arg(&cursor).arg("COUNT").arg(300);
            let replies = self.read_with_meta(cache, keys, [scan], Lane::Bulk).await?;
            let [Value::Array(fields), Value::Array(step)] = &replies[..] else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let [Value::BulkString(next), Value::Array(found)] = &step[..] else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let Some((now, ..)) = meta::split(fields) else { return Err(self.unexpected_reply(cache, &replies)) };
            let Some(now) = self.server.head(now).map_err(|error| error.of(cache))? else { return Ok(None) };
            if head.as_ref().is_some_and(|head: &crate::Head| head.id != now.id) {
                return Err(Error::missing("it was replaced while it was read: read it again").of(cache));
            }
            head = Some(now);
            for entry in found.chunks_exact(2) {
                let (Some(key), Some(value)) = (text(&entry[0]), text(&entry[1])) else {
                    let message = format!("`{}` has entries that are not UTF-8: refill the cache", keys.data);
                    return Err(Error::value(message).of(cache));
                };
                entries.insert(key.to_owned(), value.to_owned());
            }
            if next == b"0" {
                break;
            }
            cursor.clone_from(next);
        }
        let entries = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Ok(head.map(|head| Whole::of(head, entries)))
    }
}

/// Unpacks a part in a thread that may be kept busy.
pub(super) async fn unpack(part: Part) -> Result<(Batch, Root)> {
    match tokio::task::spawn_blocking(move || part.unpack()).await {
        Ok(unpacked) => unpacked,
        Err(error) => Err(Error::unavailable(format!("unpacking has failed: {error}"))),
    }
}
