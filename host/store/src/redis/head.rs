//! Meta as it stands in Redis, read into what the store tells.

use std::time::{Duration, SystemTime};

use redis::Value;

use super::keys::Keys;
use super::record::Imprint;
use super::server::Server;
use crate::Layout;
use crate::{Error, Head, Id, LastError, LeaseState, Name, Presence, Result, Root, Status, Token, Ttl};

/// The format of what this build writes, and the newest it reads.
pub(super) const FORMAT: u64 = 1;

/// The fields of meta that describe the data. `begin.lua` counts on the order of the first four.
pub(super) const HEAD: [&str; 11] =
    ["format", "id", "entries", "checked_at", "seq", "bytes", "root", "mark", "loaded_at", "ttl", "refill_interval"];

/// The fields of meta that say in what layout the data stands, and tell our record from another.
pub(super) const LAYOUT: [&str; 4] = ["layout", "record", "record_bytes", "record_tail"];

/// The fields of meta that describe the last error.
pub(super) const ERROR: [&str; 3] = ["err_at", "err_kind", "err"];

/// Longer times than this (30,000 years) are cut: a script must be able to add them to its clock.
const LONGEST: u64 = 1_000_000_000_000_000;

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(LONGEST)
}

/// Milliseconds since 1970.
pub(super) fn unix_millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis)
}

pub(super) fn ttl_millis(ttl: Ttl) -> u64 {
    ttl.as_millis().min(LONGEST)
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => text(other)?.parse().ok(),
    }
}

fn time(value: &Value) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(number(value)?.min(LONGEST)))
}

impl Server {
    /// The head in the values of the fields `HEAD`. `None`: there is none, or none that is whole.
    pub(super) fn head(&self, cache: &Name, fields: &[Value]) -> Result<Option<Head>> {
        if let Some(format) = fields.first().and_then(number)
            && format > FORMAT
        {
            return Err(self.newer_format(cache, &format.to_string()));
        }
        Ok(head(fields))
    }

    pub(super) fn newer_format(&self, cache: &Name, format: &str) -> Error {
        Error::format(format!(
            "what Redis at {} holds is in format {format}, and this program reads formats up to {FORMAT}: update it",
            self.location
        ))
        .of(cache)
    }

    /// The presence that fields and HLEN tell of.
    pub(super) fn presence(&self, cache: &Name, fields: &[Value], length: &Value) -> Result<Presence> {
        Ok(match self.head(cache, fields)? {
            None => Presence::Missing,
            Some(head) if number(length) == Some(head.entries) => Presence::Whole(head),
            Some(head) => Presence::Lost(head),
        })
    }

    /// The presence of a cache that has a record: what `hash` tells, and which record is there.
    fn presence_of_record(&self, hash: Presence, layout: &Layout, found: Option<Found<'_>>) -> Presence {
        match (hash, found) {
            (Presence::Whole(head) | Presence::Lost(head), None) => Presence::Lost(head),
            (Presence::Whole(head) | Presence::Lost(head), Some(Found::Ours)) if !layout.has_hash() => {
                Presence::Whole(head)
            }
            (_, Some(Found::Foreign(imprint))) if !layout.has_hash() => Presence::Foreign(imprint.foreign()),
            (hash, _) => hash,
        }
    }

    /// The status in the replies to TIME, HMGET of `HEAD`, `LAYOUT` and `ERROR`, HLEN, HMGET of the lease's
    /// token and end; and where there is a record, PTTL of its lock, and its imprint.
    pub(super) fn status(
        &self,
        cache: &Name,
        keys: &Keys,
        layout: &Layout,
        replies: &[Value],
    ) -> Result<Option<Status>> {
        let Some((replies, of_record)) = replies.split_at_checked(4) else { return Ok(None) };
        let [Value::Array(clock), Value::Array(meta), length, Value::Array(lease)] = replies else { return Ok(None) };
        let ([seconds, micros], [token, until]) = (&clock[..], &lease[..]) else { return Ok(None) };
        let Some((fields, rest)) = meta.split_at_checked(HEAD.len()) else { return Ok(None) };
        let Some((said, error)) = rest.split_at_checked(LAYOUT.len()) else { return Ok(None) };
        let (Some(seconds), Some(micros)) = (number(seconds), number(micros)) else { return Ok(None) };
        // In milliseconds, as the scripts count: else what happened just now would lie before it.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(micros / 1_000);
        let mut presence = self.presence(cache, fields, length)?;
        let mut lease = lease_state(token, until, now);
        if let (Some(record), Some((lock, of_record))) = (&keys.record, of_record.split_first()) {
            let found = Imprint::read(of_record).map(|imprint| match imprint.is_told_by(record, said) {
                true => Found::Ours,
                false => Found::Foreign(imprint),
            });
            presence = self.presence_of_record(presence, layout, found);
            if let (LeaseState::Free, Some(left)) = (lease, number(lock)) {
                lease = LeaseState::Held { until: now + Duration::from_millis(left) };
            }
        }
        Ok(Some(Status { now, presence, last_error: last_error(error), lease }))
    }
}

/// Who wrote a record.
enum Found<'a> {
    Ours,
    Foreign(Imprint<'a>),
}

fn head(fields: &[Value]) -> Option<Head> {
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

fn last_error(fields: &[Value]) -> Option<LastError> {
    let [at, kind, message] = fields else { return None };
    Some(LastError { at: time(at)?, kind: text(kind)?.to_owned(), message: text(message)?.to_owned() })
}

/// A token is somebody who loads; an empty one stands for a backoff.
fn lease_state(token: &Value, until: &Value, now: SystemTime) -> LeaseState {
    match (text(token), time(until)) {
        (Some(token), Some(until)) if until > now => match token.parse::<Token>() {
            Ok(_) => LeaseState::Held { until },
            Err(_) => LeaseState::Backoff { until },
        },
        _ => LeaseState::Free,
    }
}
