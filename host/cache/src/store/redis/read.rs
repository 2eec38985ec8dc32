//! The reading side: heads, entries, deltas.

use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, Value};

use super::Redis;
use super::head::{ERROR, HEAD, text};
use super::keys::Keys;
use super::server::{RESPONSE_TIMEOUT, Transaction};
use crate::store::{Chunk, Cursor, Delta, Scan};
use crate::{Batch, Error, Id, Name, Presence, Result, Status};

/// How many caches are looked at in one round trip.
const STATUSES: usize = 100;

/// About how many entries one step of a scan gives.
const SCAN_ENTRIES: usize = 1_000;

/// How many values one command gives.
const GET_KEYS: usize = 1_000;

/// A whole map in one reply takes its time, at the server and on the network.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(60);

impl Redis {
    pub(super) async fn look_at(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for caches in caches.chunks(STATUSES) {
            let looks: Vec<Transaction> = caches.iter().map(|cache| look(&self.keys(cache))).collect();
            let replies = self.server.read(&looks, RESPONSE_TIMEOUT).await;
            let replies = replies.map_err(|error| match caches {
                [cache] => self.server.explain(error).of(cache),
                _ => self.server.explain(error),
            })?;
            statuses.extend(caches.iter().zip(replies).map(|(cache, reply)| {
                let reply = reply.map_err(|error| self.server.explain(error).of(cache))?;
                let status = self.server.status(cache, &reply)?;
                status.ok_or_else(|| self.odd_reply(cache, &reply))
            }));
        }
        Ok(statuses)
    }

    pub(super) async fn read_part(&self, cache: &Name, scan: Scan) -> Result<Chunk> {
        let keys = self.keys(cache);
        let (read, timeout) = match &scan {
            Scan::First => (hscan(&keys, b"0"), RESPONSE_TIMEOUT),
            Scan::Next(Cursor(cursor)) => (hscan(&keys, cursor), RESPONSE_TIMEOUT),
            Scan::Whole => (of_data("HGETALL", &keys), WHOLE_TIMEOUT),
        };
        let (presence, mut replies) = self.read_with_head(cache, &keys, [read], timeout).await?;
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
        let reads = wanted.chunks(GET_KEYS).map(|wanted| {
            let mut read = of_data("HMGET", &keys);
            read.arg(wanted);
            read
        });
        let (presence, replies) = self.read_with_head(cache, &keys, reads, RESPONSE_TIMEOUT).await?;
        let Presence::Whole(_) = presence else { return Ok(None) };
        let mut values = Vec::with_capacity(wanted.len());
        for reply in replies {
            match reply {
                Value::Array(reply) => values.extend(reply.into_iter().map(bytes)),
                other => return Err(self.odd_reply(cache, &[other])),
            }
        }
        Ok(Some(values))
    }

    /// Presence, and what else is read of the data, in one step.
    async fn read_with_head(
        &self,
        cache: &Name,
        keys: &Keys,
        reads: impl IntoIterator<Item = Cmd>,
        timeout: Duration,
    ) -> Result<(Presence, Vec<Value>)> {
        let transaction = Transaction::about(&keys.data).with([meta(keys, &HEAD), of_data("HLEN", keys)]).with(reads);
        let mut replies = self.read_at_once(cache, transaction, timeout).await?;
        match &replies[..] {
            [Value::Array(fields), length, ..] => {
                let presence = self.server.presence(cache, fields, length)?;
                Ok((presence, replies.split_off(2)))
            }
            _ => Err(self.odd_reply(cache, &replies)),
        }
    }

    async fn read_at_once(&self, cache: &Name, reads: Transaction, timeout: Duration) -> Result<Vec<Value>> {
        let replies = self.server.read(&[reads], timeout).await.and_then(|replies| replies.into_iter().collect());
        let replies: Vec<_> = replies.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(replies.into_iter().flatten().collect())
    }

    pub(super) async fn deltas_since(&self, cache: &Name, from: Id) -> Result<Option<Vec<Delta>>> {
        let keys = self.keys(cache);
        let from = from.to_string();
        // Mostly the reader is one behind: asked for more only where that does not do.
        for count in [1, 16, u32::MAX] {
            let mut newest = redis::cmd("XREVRANGE");
            newest.arg(&keys.changes).arg("+").arg("-").arg("COUNT").arg(count);
            let reads = Transaction::about(&keys.data).with([meta(&keys, &["id"]), newest]);
            let replies = self.read_at_once(cache, reads, RESPONSE_TIMEOUT).await?;
            let [Value::Array(id), Value::Array(records)] = &replies[..] else {
                return Err(self.odd_reply(cache, &replies));
            };
            let Some(id) = id.first().and_then(text) else { return Ok(None) };
            match path(&from, id, records) {
                Path::Found(deltas) => {
                    return deltas.into_iter().rev().map(Delta::unpack).collect::<Result<_>>().map(Some);
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
        let mut entries = Batch::default();
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

/// Which deltas lead from one snapshot to another, newest first.
enum Path<'a> {
    Found(Vec<&'a [u8]>),
    /// Older records are needed to tell.
    Longer,
    Broken,
}

/// Walks back from `to` through records, newest first, until one starts at `from`.
fn path<'a>(from: &str, to: &str, records: &'a [Value]) -> Path<'a> {
    let mut at = to;
    let mut deltas = Vec::new();
    for record in records {
        if at == from {
            break;
        }
        let Value::Array(record) = record else { return Path::Broken };
        let Some(Value::Array(fields)) = record.get(1) else { return Path::Broken };
        let [_, record_from, _, record_to, _, Value::BulkString(delta)] = &fields[..] else { return Path::Broken };
        match (text(record_from), text(record_to)) {
            (Some(record_from), Some(record_to)) if record_to == at => at = record_from,
            _ => return Path::Broken,
        }
        deltas.push(&delta[..]);
    }
    if at == from { Path::Found(deltas) } else { Path::Longer }
}

fn look(keys: &Keys) -> Transaction {
    let mut read_meta = meta(keys, &HEAD);
    read_meta.arg(&ERROR);
    let mut lease = redis::cmd("HMGET");
    lease.arg(&keys.lease).arg("token").arg("until");
    Transaction::about(&keys.data).with([redis::cmd("TIME"), read_meta, of_data("HLEN", keys), lease])
}

fn meta(keys: &Keys, fields: &[&str]) -> Cmd {
    let mut read = redis::cmd("HMGET");
    read.arg(&keys.meta).arg(fields);
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
