//! The reading role: heads, entries, deltas.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value};

use super::keys::MAX_KEYS_PER_COMMAND;
use super::log::{Record, path};
use super::meta::{self, Place, Version};
use super::presence;
use super::server::Lane;
use super::store::Redis;
use super::transaction::Transaction;
use super::whole::{Opened, unpack};
use crate::{Changes, HashState, Head, Id, Layout, LookUp, Name, Reading, Result, Status, Whole, partition_of};

/// How many statuses are read in one round trip.
const STATUSES_AT_ONCE: usize = 100;

/// How often some keys are read from a version that is replaced meanwhile.
const ATTEMPTS: usize = 3;

#[async_trait]
impl Reading for Redis {
    fn location(&self) -> &str {
        &self.server.location
    }

    fn place(&self, cache: &Name) -> String {
        let keys = self.keys(cache);
        let record = keys.record.map(|record| format!(" {}", record.resource)).unwrap_or_default();
        format!("{} {}{record}", self.server.location, keys.meta)
    }

    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for caches in caches.chunks(STATUSES_AT_ONCE) {
            let replies = self.status_replies(caches).await?;
            let counted = self.count_segments(caches, &replies).await?;
            for ((cache, replies), counted) in caches.iter().zip(replies).zip(counted) {
                // What the layout that was told cannot read is read once more, by the one that is published.
                let layout_fields = replies.as_ref().map(|replies| presence::layout_fields(replies));
                let with_layout = layout_fields.ok().and_then(|fields| self.with_layout_of(cache, fields));
                statuses.push(match with_layout {
                    None => replies.and_then(|replies| self.status_in(cache, &replies, counted.as_ref())),
                    Some(store) => store.status_alone(cache).await,
                });
            }
        }
        Ok(statuses)
    }

    async fn whole(&self, cache: &Name) -> Result<Option<Whole>> {
        Ok(self.open_whole(cache, None).await?.map(|opened| opened.whole))
    }

    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        let keys = self.keys(cache);
        // Most readers are one snapshot behind, so older deltas are read only if the newest is not enough.
        for count in [1, 16, u32::MAX] {
            let mut newest = redis::cmd("XREVRANGE");
            newest.arg(&keys.log).arg("+").arg("-").arg("COUNT").arg(count);
            let replies = self.read_with_meta(cache, &keys, [redis::cmd("TIME"), newest], Lane::Quick).await?;
            let [Value::Array(fields), clock, Value::Array(records)] = &replies[..] else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let (Some((head, _, place)), Some(now)) = (meta::split(fields), meta::clock(clock)) else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let head = self.server.head(head).map_err(|error| error.of(cache))?;
            let (Some(head), Some(place)) = (head, Place::of(place)) else { return Ok(None) };
            // Nothing leads to a record: kiwi-cache may have written over it.
            if place.version == Version::Hash {
                return Ok(None);
            }
            let mut log: Vec<Record> = records.iter().filter_map(Record::of).collect();
            log.reverse();
            match path(from, head.id, &log) {
                Some(steps) => {
                    let deltas = steps.iter().map(|record| Ok((record.to, record.delta()?))).collect::<Result<_>>();
                    return Ok(Some(Changes { now, head, deltas: deltas.map_err(|error| error.of(cache))? }));
                }
                None if records.len() < count as usize => return Ok(None),
                None => {}
            }
        }
        Ok(None)
    }

    async fn look_up(&self, cache: &Name, wanted: &[&str]) -> Result<Option<LookUp>> {
        for _ in 1..ATTEMPTS {
            match self.try_look_up(cache, wanted).await {
                // Another version is published, or a host is about to repair this one.
                Err(error) if error.is_missing() => {}
                found => return found,
            }
        }
        self.try_look_up(cache, wanted).await
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
        let replies = self.server.read(caches.iter().map(|cache| self.keys(cache)).zip(reads), Lane::Quick).await;
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

    /// The status of one cache by the layout that this store knows.
    async fn status_alone(&self, cache: &Name) -> Result<Status> {
        let caches = std::slice::from_ref(cache);
        let mut replies = self.status_replies(caches).await?;
        let counted = self.count_segments(caches, &replies).await?.pop().flatten();
        let replies = replies.pop().unwrap_or_else(|| Err(self.unexpected_reply(cache, &[])))?;
        self.status_in(cache, &replies, counted.as_ref())
    }

    /// How many segments there are of the versions that these replies name. A version never changes, so it may be counted
    /// later than it was named; one that was replaced in between is kept for a while.
    async fn count_segments(&self, caches: &[Name], replies: &[Result<Vec<Value>>]) -> Result<Vec<Option<Value>>> {
        let named = caches.iter().zip(replies).map(|(cache, replies)| {
            let keys = self.keys(cache);
            let count = replies.as_ref().ok().and_then(|replies| presence::count_segments(&keys, replies));
            count.map(|count| (keys, Transaction::of([count])))
        });
        let named: Vec<_> = named.collect();
        let is_named: Vec<bool> = named.iter().map(Option::is_some).collect();
        if !is_named.contains(&true) {
            return Ok(vec![None; caches.len()]);
        }
        let counted = self.server.read(named.into_iter().flatten(), Lane::Quick).await;
        let counted = counted.map_err(|error| self.server.explain(error))?;
        let mut counted = counted.into_iter().map(|reply| reply.ok().and_then(|mut replies| replies.pop()));
        Ok(is_named.into_iter().map(|is_named| if is_named { counted.next().flatten() } else { None }).collect())
    }

    fn status_in(&self, cache: &Name, replies: &[Value], counted: Option<&Value>) -> Result<Status> {
        let status = self.server.status(&self.keys(cache), self.layout(cache), replies, counted);
        status.map_err(|error| error.of(cache))?.ok_or_else(|| self.unexpected_reply(cache, replies))
    }

    /// The values of some keys: from the hash where that shows what is published, and else from what it is made of. A hash
    /// that is on the way from one snapshot to another is never read.
    async fn try_look_up(&self, cache: &Name, wanted: &[&str]) -> Result<Option<LookUp>> {
        let keys = self.keys(cache);
        if matches!(self.layout(cache), Layout::Record(_)) {
            return self.look_up_in_whole(cache, wanted, None).await;
        }
        let mut length = redis::cmd("HLEN");
        length.arg(&keys.data);
        let reads = wanted.chunks(MAX_KEYS_PER_COMMAND).map(|wanted| {
            let mut read = redis::cmd("HMGET");
            read.arg(&keys.data).arg(wanted);
            read
        });
        let at = Instant::now();
        let reads: Vec<Cmd> = [redis::cmd("TIME"), length].into_iter().chain(reads).collect();
        let read = self.read_with_meta(cache, &keys, reads, Lane::Quick).await;
        let seen = read.as_deref().ok().and_then(seen);
        self.verified.note(cache, &keys.data, at, matches!(seen, Some((.., HashState::Current))));
        let mut replies = read?;
        let (now, head) = match seen {
            Some((now, head, HashState::Current)) => (now, head),
            _ => return self.look_up_in_whole(cache, wanted, seen.map(|(.., hash)| hash)).await,
        };
        let mut values = Vec::with_capacity(wanted.len());
        for reply in replies.split_off(3) {
            match reply {
                Value::Array(reply) => values.extend(reply.into_iter().map(bytes)),
                other => return Err(self.unexpected_reply(cache, &[other])),
            }
        }
        Ok(Some(LookUp { now, head, hash: HashState::Current, values }))
    }

    /// The values of some keys from the version, of which only the partitions of these keys are read; or from the record.
    /// `hash` is what was seen of the hash, if anything was.
    async fn look_up_in_whole(&self, cache: &Name, wanted: &[&str], hash: Option<HashState>) -> Result<Option<LookUp>> {
        let partitions: Vec<usize> = wanted.iter().map(|key| partition_of(key)).collect();
        let Some(opened) = self.open_whole(cache, Some(&partitions)).await? else { return Ok(None) };
        let Opened { mut whole, now, version, .. } = opened;
        let hash = match (hash, version) {
            (Some(hash), _) => hash,
            (None, Version::Hash) => HashState::Absent,
            // A version, although the layout that was told is a record.
            (None, Version::Inline | Version::Segments(..)) => self.status(cache).await?.hash,
        };
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        wanted.iter().enumerate().for_each(|(place, key)| places.entry(key).or_default().push(place));
        let mut values = vec![None; wanted.len()];
        while let Some(part) = whole.next().await {
            let part = part?;
            let (entries, _) = unpack(part).await.map_err(|error| error.of(cache))?;
            for (key, value) in entries.iter() {
                for &place in places.get(key).into_iter().flatten() {
                    values[place] = Some(Bytes::copy_from_slice(value.as_bytes()));
                }
            }
        }
        Ok(Some(LookUp { now, head: whole.head().clone(), hash, values }))
    }
}

/// The server's clock, what is published, and what the hash shows of it.
fn seen(replies: &[Value]) -> Option<(SystemTime, Head, HashState)> {
    let [Value::Array(fields), clock, length, ..] = replies else { return None };
    let (head, hash) = presence::head_and_hash(fields, length)?;
    Some((meta::clock(clock)?, head, hash))
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}
