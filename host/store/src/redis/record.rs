//! The record of a cache: the whole map as one string, as kiwi-cache writes and reads it.

use std::time::{Duration, SystemTime};

use redis::Value;

use super::digest::Digest;
use super::keys::{Keys, Record};
use super::meta;
use super::reply::number;
use super::server::Lane;
use super::store::Redis;
use super::whole::Opened;
use crate::record_text::Parsed;
use crate::{Batch, Error, Head, Id, Name, Push, Result, Ttl, Whole};

impl Redis {
    /// The record, by a host or by kiwi-cache; or what the layout that is published has instead. `None`: there is nothing.
    pub(super) async fn read_record(&self, cache: &Name, keys: &Keys, record: &Record) -> Result<Option<Opened>> {
        let mut get = redis::cmd("GET");
        get.arg(&record.resource);
        let mut life = redis::cmd("PTTL");
        life.arg(&record.resource);
        let replies = self.read_with_meta(cache, keys, [redis::cmd("TIME"), life, get], Lane::Bulk).await?;
        let [Value::Array(meta), clock @ Value::Array(seconds_and_micros), life, json] = &replies[..] else {
            return Err(self.unexpected_reply(cache, &[]));
        };
        let Some((fields, layout_fields, _)) = meta::split(meta) else {
            return Err(self.unexpected_reply(cache, &[]));
        };
        if let Some(store) = self.with_layout_of(cache, layout_fields) {
            return Box::pin(store.open_whole(cache, None)).await;
        }
        let Value::BulkString(json) = json else { return Ok(None) };
        let Some((entries, saved_at)) = self.parse(cache, record, json)?.complete() else {
            return Err(self.incomplete(record).of(cache));
        };
        let digest = Digest::of(json);
        let head = self.server.head(fields).map_err(|error| error.of(cache))?;
        let head = match head.filter(|_| digest.is_ours(record, layout_fields)) {
            Some(head) => head,
            None => {
                let now = seconds_and_micros.first().and_then(number).map(Duration::from_secs).unwrap_or_default();
                let saved_at = saved_at.min(now);
                let left = number(life).map(Duration::from_millis);
                let life = left.map(|left| left.saturating_add(now.saturating_sub(saved_at)));
                foreign_head(digest.id(), &entries, json.len() as u64, saved_at, life)
            }
        };
        // A clock that no time can hold is no reason not to read the record.
        let now = meta::clock(clock).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Some(Opened::without_deltas(Whole::of(head, entries), now)))
    }

    fn parse(&self, cache: &Name, record: &Record, json: &[u8]) -> Result<Parsed> {
        serde_json::from_slice(json).map_err(|error| {
            Error::value(format!(
                "`{}` in Redis at {} is not a record of kiwi-cache: {error} (expected {{\"data\": {{...}}, \
                 \"timestamp\": SECONDS}}): delete the key, or find out what writes it",
                record.resource, self.server.location
            ))
            .of(cache)
        })
    }

    /// As in kiwi-cache, a record with more or fewer members than these two counts as missing.
    fn incomplete(&self, record: &Record) -> Error {
        Error::missing(format!(
            "`{}` in Redis at {} is not a record of kiwi-cache, and counts as missing: expected an object with exactly \
             `data` and `timestamp`",
            record.resource, self.server.location
        ))
    }
}

/// A head for a record that says no more of itself than when it was saved, in time since 1970. kiwi-cache
/// loads its source again when the record has expired.
fn foreign_head(id: Id, entries: &Batch, bytes: u64, saved_at: Duration, life: Option<Duration>) -> Head {
    let saved_at = SystemTime::UNIX_EPOCH.checked_add(saved_at).unwrap_or(SystemTime::UNIX_EPOCH);
    Head {
        loaded_at: saved_at,
        checked_at: saved_at,
        cache_ttl: life.map_or(Ttl::Forever, Ttl::For),
        refill_interval: life.unwrap_or(Duration::MAX),
        push: Push::Hint,
        ..Head::new(id, entries.len() as u64, bytes, entries.iter().collect())
    }
}
