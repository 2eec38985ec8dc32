//! The reading role: heads, entries, deltas.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value};

use super::connection::{RESPONSE_TIMEOUT, WHOLE_TIMEOUT};
use super::deltas::{Path, path};
use super::keys::{Keys, MAX_KEYS_PER_COMMAND, Record};
use super::meta::HEAD;
use super::presence;
use super::reply::text;
use super::store::Redis;
use super::transaction::Transaction;
use crate::{Batch, Changes, Chunk, Cursor, Delta, Error, Id, Name, Presence, Reading, Result, Scan, Status};

/// How many statuses are read in one round trip.
const STATUSES_AT_ONCE: usize = 100;

/// About how many entries one step of a scan gives.
const SCAN_ENTRIES: usize = 300;

#[async_trait]
impl Reading for Redis {
    fn location(&self) -> &str {
        &self.server.location
    }

    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for caches in caches.chunks(STATUSES_AT_ONCE) {
            for (cache, replies) in caches.iter().zip(self.status_replies(caches).await?) {
                // A record that only its meta names is read once more, by its own keys.
                let layout_fields = replies.as_ref().map(|replies| presence::layout_fields(replies));
                let with_layout = layout_fields.ok().and_then(|fields| self.with_layout_of(cache, fields));
                statuses.push(match with_layout {
                    None => replies.and_then(|replies| self.status_in(cache, &replies)),
                    Some(store) => match store.status_replies(std::slice::from_ref(cache)).await?.pop() {
                        Some(replies) => replies.and_then(|replies| store.status_in(cache, &replies)),
                        None => Err(self.unexpected_reply(cache, &[])),
                    },
                });
            }
        }
        Ok(statuses)
    }

    async fn scan(&self, cache: &Name, scan: Scan) -> Result<Chunk> {
        let keys = self.keys(cache);
        if let Some(record) = self.only_record(cache, &keys) {
            return self.read_record(cache, &keys, record).await;
        }
        let (read, timeout) = match &scan {
            Scan::First => (hscan(&keys, b"0"), RESPONSE_TIMEOUT),
            Scan::Next(Cursor(cursor)) => (hscan(&keys, cursor), RESPONSE_TIMEOUT),
            Scan::Whole => (of_data("HGETALL", &keys), WHOLE_TIMEOUT),
        };
        let (presence, mut replies) = match self.read_with_head(cache, &keys, [read], timeout).await? {
            Read::Hash(presence, replies) => (presence, replies),
            Read::Record(chunk) => return Ok(chunk),
        };
        let Presence::Whole(head) = presence else {
            return Ok(Chunk { head: None, entries: Batch::default(), next: None });
        };
        let (next, entries) = match (scan, replies.pop()) {
            (Scan::Whole, Some(Value::Array(entries))) => (None, entries),
            (Scan::First | Scan::Next(_), Some(Value::Array(parts))) => match <[Value; 2]>::try_from(parts) {
                Ok([Value::BulkString(cursor), Value::Array(entries)]) => {
                    ((cursor != b"0").then_some(Cursor(cursor)), entries)
                }
                _ => return Err(self.unexpected_reply(cache, &[])),
            },
            _ => return Err(self.unexpected_reply(cache, &[])),
        };
        Ok(Chunk { head: Some(head), entries: self.batch(cache, &keys, &entries)?, next })
    }

    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        let keys = self.keys(cache);
        // Most readers are one snapshot behind, so older deltas are read only if the newest is not enough.
        for count in [1, 16, u32::MAX] {
            let mut newest = redis::cmd("XREVRANGE");
            newest.arg(&keys.changes).arg("+").arg("-").arg("COUNT").arg(count);
            let read = self.read_with_head(cache, &keys, [newest], RESPONSE_TIMEOUT).await?;
            let Read::Hash(Presence::Whole(head), replies) = read else { return Ok(None) };
            let [Value::Array(records)] = &replies[..] else { return Err(self.unexpected_reply(cache, &replies)) };
            match path(from, head.id, records) {
                Path::Found(mut steps) => {
                    steps.reverse();
                    let unpacked = |(id, packed)| Delta::unpack(packed).map(|delta| (id, delta));
                    let deltas = steps.into_iter().map(unpacked).collect::<Result<_>>();
                    return Ok(Some(Changes { head, deltas: deltas.map_err(|error| error.of(cache))? }));
                }
                Path::Broken => return Ok(None),
                Path::Longer if records.len() < count as usize => return Ok(None),
                Path::Longer => {}
            }
        }
        Ok(None)
    }

    async fn get(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        let keys = self.keys(cache);
        if let Some(record) = self.only_record(cache, &keys) {
            return Ok(values(self.read_record(cache, &keys, record).await?, wanted));
        }
        let mut reads = Vec::with_capacity(1);
        for wanted in wanted.chunks(MAX_KEYS_PER_COMMAND) {
            let mut read = of_data("HMGET", &keys);
            read.arg(wanted);
            reads.push(read);
        }
        let at = Instant::now();
        let read = self.read_with_head(cache, &keys, reads, RESPONSE_TIMEOUT).await;
        self.verified.note(cache, at, matches!(read, Ok(Read::Hash(Presence::Whole(_), _))));
        let replies = match read? {
            Read::Hash(Presence::Whole(_), replies) => replies,
            Read::Hash(..) => return Ok(None),
            Read::Record(chunk) => return Ok(values(chunk, wanted)),
        };
        let mut values = Vec::with_capacity(wanted.len());
        for reply in replies {
            match reply {
                Value::Array(reply) => values.extend(reply.into_iter().map(bytes)),
                other => return Err(self.unexpected_reply(cache, &[other])),
            }
        }
        Ok(Some(values))
    }

    async fn peek(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        match self.try_peek(cache, wanted).await? {
            None => self.get(cache, wanted).await,
            values => Ok(values),
        }
    }
}

impl Redis {
    /// The replies to the commands that read the status of each cache.
    async fn status_replies(&self, caches: &[Name]) -> Result<Vec<Result<Vec<Value>>>> {
        let reads: Vec<Transaction> = caches.iter().map(|cache| presence::commands(&self.keys(cache))).collect();
        let replies = self.server.read(caches.iter().map(|cache| self.keys(cache)).zip(reads), RESPONSE_TIMEOUT).await;
        let replies = replies.map_err(|error| match caches {
            [cache] => self.server.explain(error).of(cache),
            _ => self.server.explain(error),
        })?;
        let explained = |(cache, reply): (&Name, redis::RedisResult<_>)| {
            let explain = |error| self.server.explain_layout(self.layout(cache), self.server.explain(error)).of(cache);
            reply.map_err(explain)
        };
        Ok(caches.iter().zip(replies).map(explained).collect())
    }

    fn status_in(&self, cache: &Name, replies: &[Value]) -> Result<Status> {
        let status = self.server.status(&self.keys(cache), self.layout(cache), replies);
        status.map_err(|error| error.of(cache))?.ok_or_else(|| self.unexpected_reply(cache, replies))
    }

    /// The record of a cache that has nothing else.
    fn only_record<'a>(&self, cache: &Name, keys: &'a Keys) -> Option<&'a Record> {
        keys.record.as_ref().filter(|_| !self.layout(cache).has_hash())
    }

    /// Presence, and what else is read of the data, in one step; or the record, where meta names a layout
    /// without a hash.
    async fn read_with_head(
        &self,
        cache: &Name,
        keys: &Keys,
        reads: impl IntoIterator<Item = Cmd>,
        timeout: Duration,
    ) -> Result<Read> {
        let mut replies =
            self.read_with_meta(cache, keys, [of_data("HLEN", keys)].into_iter().chain(reads), timeout).await?;
        let [Value::Array(fields), length, ..] = &replies[..] else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        let Some((fields, layout_fields)) = fields.split_at_checked(HEAD.len()) else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        if let Some(store) = self.with_layout_of(cache, layout_fields) {
            let keys = store.keys(cache);
            if let Some(record) = &keys.record {
                return store.read_record(cache, &keys, record).await.map(Read::Record);
            }
        }
        let presence = self.server.presence(fields, length).map_err(|error| error.of(cache))?;
        Ok(Read::Hash(presence, replies.split_off(2)))
    }

    /// Entries from the fields and values of a reply.
    fn batch(&self, cache: &Name, keys: &Keys, flat: &[Value]) -> Result<Batch> {
        let bytes = flat.iter().map(|text| if let Value::BulkString(text) = text { text.len() } else { 0 }).sum();
        let mut entries = Batch::with_capacity(flat.len() / 2, bytes);
        for entry in flat.chunks_exact(2) {
            match (text(&entry[0]), text(&entry[1])) {
                (Some(key), Some(value)) => entries.push(key, value),
                (key, _) => {
                    return Err(Error::value(format!(
                        "{} of `{}` in Redis at {} is not UTF-8: another program has written it; refill the cache",
                        key.map_or_else(|| "a key".to_owned(), |key| format!("the value of `{}`", key.escape_debug())),
                        keys.data,
                        self.server.location
                    ))
                    .of(cache));
                }
            }
        }
        Ok(entries)
    }
}

/// What was read of a hash; where meta says that the data is a record, that instead.
enum Read {
    Hash(Presence, Vec<Value>),
    Record(Chunk),
}

/// The values of some keys of a record.
fn values(chunk: Chunk, wanted: &[&str]) -> Option<Vec<Option<Bytes>>> {
    chunk.head?;
    let entries: std::collections::HashMap<&str, &str> = chunk.entries.iter().collect();
    let owned = |value: &&str| Bytes::copy_from_slice(value.as_bytes());
    Some(wanted.iter().map(|key| entries.get(key).map(owned)).collect())
}

fn of_data(command: &str, keys: &Keys) -> Cmd {
    let mut read = redis::cmd(command);
    read.arg(&keys.data);
    read
}

fn hscan(keys: &Keys, cursor: &[u8]) -> Cmd {
    let mut scan = of_data("HSCAN", keys);
    scan.arg(cursor).arg("COUNT").arg(SCAN_ENTRIES);
    scan
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}
