//! The reading side: heads, entries, deltas.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::{Cmd, Value};

use super::Redis;
use super::head::{ERROR, HEAD, LAYOUT, text};
use super::keys::{Keys, Record};
use super::record;
use super::server::{RESPONSE_TIMEOUT, Transaction};
use crate::{Batch, Error, Id, Name, Presence, Result, Status};
use crate::{Changes, Chunk, Cursor, Delta, Scan};

/// How many caches are looked at in one round trip.
const STATUSES: usize = 100;

/// About how many entries one step of a scan gives.
const SCAN_ENTRIES: usize = 300;

/// How many values one command gives.
pub(super) const GET_KEYS: usize = 1_000;

/// A whole map in one reply takes its time, at the server and on the network.
pub(super) const WHOLE_TIMEOUT: Duration = Duration::from_secs(60);

impl Redis {
    pub(super) async fn look_at(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for caches in caches.chunks(STATUSES) {
            for (cache, looked) in caches.iter().zip(self.look_once(caches).await?) {
                // A record that only its meta has told of needs another look.
                let learned = looked.as_ref().ok().and_then(|replies| self.learned(cache, said_in(replies)));
                statuses.push(match learned {
                    None => looked.and_then(|replies| self.status(cache, &replies)),
                    Some(learned) => match learned.look_once(std::slice::from_ref(cache)).await?.pop() {
                        Some(looked) => looked.and_then(|replies| learned.status(cache, &replies)),
                        None => Err(self.odd_reply(cache, &[])),
                    },
                });
            }
        }
        Ok(statuses)
    }

    /// The replies to the reads of [`look`], of each cache.
    async fn look_once(&self, caches: &[Name]) -> Result<Vec<Result<Vec<Value>>>> {
        let looks: Vec<Transaction> = caches.iter().map(|cache| look(&self.keys(cache))).collect();
        let replies = self.server.read(&looks, RESPONSE_TIMEOUT).await;
        let replies = replies.map_err(|error| match caches {
            [cache] => self.server.explain(error).of(cache),
            _ => self.server.explain(error),
        })?;
        let explained = |(cache, reply): (&Name, redis::RedisResult<_>)| {
            reply.map_err(|error| self.explain_layout(cache, self.server.explain(error).of(cache)))
        };
        Ok(caches.iter().zip(replies).map(explained).collect())
    }

    fn status(&self, cache: &Name, replies: &[Value]) -> Result<Status> {
        let status = self.server.status(cache, &self.keys(cache), self.layout(cache), replies)?;
        status.ok_or_else(|| self.odd_reply(cache, replies))
    }

    pub(super) async fn read_part(&self, cache: &Name, scan: Scan) -> Result<Chunk> {
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
                _ => return Err(self.odd_reply(cache, &[])),
            },
            _ => return Err(self.odd_reply(cache, &[])),
        };
        Ok(Chunk { head: Some(head), entries: self.batch(cache, &keys, &entries)?, next })
    }

    pub(super) async fn values(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        let keys = self.keys(cache);
        if let Some(record) = self.only_record(cache, &keys) {
            return Ok(pick(self.read_record(cache, &keys, record).await?, wanted));
        }
        let reads = wanted.chunks(GET_KEYS).map(|wanted| {
            let mut read = of_data("HMGET", &keys);
            read.arg(wanted);
            read
        });
        let at = Instant::now();
        let read = self.read_with_head(cache, &keys, reads, RESPONSE_TIMEOUT).await;
        self.seen_whole.note(cache, at, matches!(read, Ok(Read::Hash(Presence::Whole(_), _))));
        let replies = match read? {
            Read::Hash(Presence::Whole(_), replies) => replies,
            Read::Hash(..) => return Ok(None),
            Read::Record(chunk) => return Ok(pick(chunk, wanted)),
        };
        let mut values = Vec::with_capacity(wanted.len());
        for reply in replies {
            match reply {
                Value::Array(reply) => values.extend(reply.into_iter().map(bytes)),
                other => return Err(self.odd_reply(cache, &[other])),
            }
        }
        Ok(Some(values))
    }

    /// The record of a cache that has nothing else.
    fn only_record<'a>(&self, cache: &Name, keys: &'a Keys) -> Option<&'a Record> {
        keys.record.as_ref().filter(|_| !self.layout(cache).has_hash())
    }

    /// Presence, and what else is read of the data, in one step; or the record, where meta says that the
    /// data stands in one.
    async fn read_with_head(
        &self,
        cache: &Name,
        keys: &Keys,
        reads: impl IntoIterator<Item = Cmd>,
        timeout: Duration,
    ) -> Result<Read> {
        let transaction = Transaction::about(&keys.data).with([meta(keys), of_data("HLEN", keys)]).with(reads);
        let mut replies = self.read_at_once(cache, transaction, timeout).await?;
        let [Value::Array(fields), length, ..] = &replies[..] else { return Err(self.odd_reply(cache, &replies)) };
        let Some((fields, said)) = fields.split_at_checked(HEAD.len()) else {
            return Err(self.odd_reply(cache, &replies));
        };
        if let Some(learned) = self.learned(cache, said) {
            let keys = learned.keys(cache);
            if let Some(record) = &keys.record {
                return learned.read_record(cache, &keys, record).await.map(Read::Record);
            }
        }
        let presence = self.server.presence(cache, fields, length)?;
        Ok(Read::Hash(presence, replies.split_off(2)))
    }

    /// Meta, and what else is read of a record, in one step.
    pub(super) async fn read_record_with_meta(
        &self,
        cache: &Name,
        keys: &Keys,
        reads: impl IntoIterator<Item = Cmd>,
    ) -> Result<Vec<Value>> {
        let transaction = Transaction::about(&keys.data).with([meta(keys)]).with(reads);
        self.read_at_once(cache, transaction, WHOLE_TIMEOUT).await
    }

    async fn read_at_once(&self, cache: &Name, reads: Transaction, timeout: Duration) -> Result<Vec<Value>> {
        let replies = self.server.read(&[reads], timeout).await.and_then(|replies| replies.into_iter().collect());
        let replies: Vec<_> = replies.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(replies.into_iter().flatten().collect())
    }

    pub(super) async fn changes_since(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        let keys = self.keys(cache);
        // Mostly the reader is one behind: asked for more only where that does not do.
        for count in [1, 16, u32::MAX] {
            let mut newest = redis::cmd("XREVRANGE");
            newest.arg(&keys.changes).arg("+").arg("-").arg("COUNT").arg(count);
            let read = self.read_with_head(cache, &keys, [newest], RESPONSE_TIMEOUT).await?;
            let Read::Hash(Presence::Whole(head), replies) = read else { return Ok(None) };
            let [Value::Array(records)] = &replies[..] else { return Err(self.odd_reply(cache, &replies)) };
            match path(from, head.id, records) {
                Path::Found(mut steps) => {
                    steps.reverse();
                    let unpacked = |(id, packed)| Delta::unpack(packed).map(|delta| (id, delta));
                    let deltas = steps.into_iter().map(unpacked).collect::<Result<_>>()?;
                    return Ok(Some(Changes { head, deltas }));
                }
                Path::Broken => return Ok(None),
                Path::Longer if records.len() < count as usize => return Ok(None),
                Path::Longer => {}
            }
        }
        Ok(None)
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
                        "{} of `{}` in Redis at {} is not UTF-8: something else has written there; refill the cache",
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

/// Which deltas lead from one snapshot to another, newest first, each with where it leads.
enum Path<'a> {
    Found(Vec<(Id, &'a [u8])>),
    /// Older records are needed to tell.
    Longer,
    Broken,
}

/// Walks back from `to` through records, newest first, until one starts at `from`.
fn path(from: Id, to: Id, records: &[Value]) -> Path<'_> {
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

/// What is read of a hash: where meta says that it is a record, that instead.
enum Read {
    Hash(Presence, Vec<Value>),
    Record(Chunk),
}

/// The reads that tell how a cache is; those about its record come behind.
fn look(keys: &Keys) -> Transaction {
    let mut read_meta = meta(keys);
    read_meta.arg(&ERROR);
    let mut lease = redis::cmd("HMGET");
    lease.arg(&keys.lease).arg("token").arg("until");
    let mut look = Transaction::about(&keys.data).with([redis::cmd("TIME"), read_meta, of_data("HLEN", keys), lease]);
    if let Some(record) = &keys.record {
        let mut lock = redis::cmd("PTTL");
        lock.arg(&record.lock);
        look = look.with([lock]).with(record::imprint(record));
    }
    look
}

/// What the replies to [`look`] say of the layout.
fn said_in(replies: &[Value]) -> &[Value] {
    match replies.get(1) {
        Some(Value::Array(meta)) => meta.get(HEAD.len()..HEAD.len() + LAYOUT.len()).unwrap_or_default(),
        _ => &[],
    }
}

/// The values of some keys of a record.
fn pick(chunk: Chunk, wanted: &[&str]) -> Option<Vec<Option<Bytes>>> {
    chunk.head?;
    let entries: HashMap<&str, &str> = chunk.entries.iter().collect();
    let owned = |value: &&str| Bytes::copy_from_slice(value.as_bytes());
    Some(wanted.iter().map(|key| entries.get(key).map(owned)).collect())
}

/// `HEAD`, then `LAYOUT`.
fn meta(keys: &Keys) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT);
    read
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
