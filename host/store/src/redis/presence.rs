//! Whether the data of a cache is there, and its status: which commands read it, and what their replies mean.
//!
//! For readers and `status`. The scripts ask the same of the data before they change it: `begin.lua` (is it due?) and
//! `publication.lua` (is it still what the commit builds on?).

use std::time::{Duration, SystemTime};

use redis::Value;

use super::digest::Digest;
use super::keys::Keys;
use super::meta::{self, FAILURES, HEAD, LAYOUT};
use super::reply::{number, text};
use super::server::Server;
use super::transaction::Transaction;
use crate::{Head, Layout, LeaseState, Presence, Result, Status, Token};

/// The commands that read the status of a cache; those about its record come last.
pub(super) fn commands(keys: &Keys) -> Transaction {
    let (mut meta, mut entries) = (redis::cmd("HMGET"), redis::cmd("HLEN"));
    meta.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT).arg(FAILURES);
    entries.arg(&keys.data);
    let mut lease = redis::cmd("HMGET");
    lease.arg(&keys.lease).arg("token").arg("until").arg("host");
    let commands = Transaction::of([redis::cmd("TIME"), meta, entries, lease]);
    match &keys.record {
        Some(record) => {
            let mut lock = redis::cmd("PTTL");
            lock.arg(&record.lock);
            commands.with([lock]).with(Digest::commands(record))
        }
        None => commands,
    }
}

/// The values of meta's fields `LAYOUT` in the replies to [`commands`].
pub(super) fn layout_fields(replies: &[Value]) -> &[Value] {
    match replies.get(1) {
        Some(Value::Array(meta)) => meta.get(HEAD.len()..HEAD.len() + LAYOUT.len()).unwrap_or_default(),
        _ => &[],
    }
}

impl Server {
    /// The head in the values of the fields `HEAD`. `None`: there is none, or it is incomplete.
    pub(super) fn head(&self, fields: &[Value]) -> Result<Option<Head>> {
        match meta::newer_format(fields) {
            Some(format) => Err(self.newer_format(&format.to_string())),
            None => Ok(meta::head(fields)),
        }
    }

    /// The presence of a hash, by the fields `HEAD` and its number of entries.
    pub(super) fn presence(&self, fields: &[Value], entries: &Value) -> Result<Presence> {
        Ok(match self.head(fields)? {
            None => Presence::Missing,
            Some(head) if number(entries) == Some(head.entries) => Presence::Whole(head),
            Some(head) => Presence::Lost(head),
        })
    }

    /// The status in the replies to [`commands`]. `None`: they are not such replies.
    pub(super) fn status(&self, keys: &Keys, layout: &Layout, replies: &[Value]) -> Result<Option<Status>> {
        let Some((replies, of_record)) = replies.split_at_checked(4) else { return Ok(None) };
        let [Value::Array(clock), Value::Array(meta), entries, Value::Array(lease)] = replies else { return Ok(None) };
        let ([seconds, micros], [token, until, host]) = (&clock[..], &lease[..]) else { return Ok(None) };
        let Some((fields, rest)) = meta.split_at_checked(HEAD.len()) else { return Ok(None) };
        let Some((layout_fields, [failures])) = rest.split_at_checked(LAYOUT.len()) else { return Ok(None) };
        let (Some(seconds), Some(micros)) = (number(seconds), number(micros)) else { return Ok(None) };
        // In milliseconds, as the scripts count: else what happened just now would be in the future.
        let since_1970 = Duration::from_secs(seconds).checked_add(Duration::from_millis(micros / 1_000));
        let Some(now) = since_1970.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)) else { return Ok(None) };
        let mut presence = self.presence(fields, entries)?;
        let failing = meta::failing(failures);
        let mut lease = lease_state(token, until, now);
        let holder = lease.and(text(host)).filter(|host| !host.is_empty()).map(str::to_owned);
        if let (Some(record), Some((lock, of_record))) = (&keys.record, of_record.split_first()) {
            let found = Digest::read(of_record).map(|digest| match digest.is_ours(record, layout_fields) {
                true => Found::Ours,
                false => Found::Foreign(digest),
            });
            presence = presence_with_record(presence, layout, found);
            let until = number(lock).and_then(|left| now.checked_add(Duration::from_millis(left)));
            if let (None, Some(until)) = (lease, until) {
                lease = Some(LeaseState::Held { until });
            }
        }
        let lease = lease.unwrap_or_else(|| LeaseState::not_held(&failing, now));
        Ok(Some(Status { now, presence, failing, lease, holder }))
    }
}

/// Who wrote a record.
enum Found<'a> {
    Ours,
    Foreign(Digest<'a>),
}

/// The presence of a cache that has a record, by the presence of its hash and the record that was found.
fn presence_with_record(hash: Presence, layout: &Layout, found: Option<Found<'_>>) -> Presence {
    match (hash, found) {
        (Presence::Whole(head) | Presence::Lost(head), None) => Presence::Lost(head),
        (Presence::Whole(head) | Presence::Lost(head), Some(Found::Ours)) if !layout.has_hash() => {
            Presence::Whole(head)
        }
        (_, Some(Found::Foreign(digest))) if !layout.has_hash() => Presence::Foreign(digest.foreign()),
        (hash, _) => hash,
    }
}

/// That a host holds the lease, if one does.
fn lease_state(token: &Value, until: &Value, now: SystemTime) -> Option<LeaseState> {
    let until = meta::time(until).filter(|&until| until > now)?;
    text(token)?.parse::<Token>().ok()?;
    Some(LeaseState::Held { until })
}
