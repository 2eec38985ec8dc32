//! Whether the data of a cache is there, and its status: which commands read it, and what their replies mean.
//!
//! For readers and `status`. The scripts ask the same of the data before they change it: `begin.lua` (is it due?) and
//! `commit.lua` (is it still what the commit builds on?), by `published.lua`.

use std::time::{Duration, SystemTime};

use redis::{Cmd, Value};

use super::digest::Digest;
use super::keys::Keys;
use super::meta::{self, FAILURES, HEAD, LAYOUT, PLACE, Place, Version};
use super::reply::{number, text};
use super::server::Server;
use super::transaction::Transaction;
use crate::{HashState, Head, Layout, LeaseState, Presence, Result, Status, Token};

/// The commands that read the status of a cache; those about its record come last.
pub(super) fn commands(keys: &Keys) -> Transaction {
    let (mut meta, mut entries, mut steps) = (redis::cmd("HMGET"), redis::cmd("HLEN"), redis::cmd("XLEN"));
    meta.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT).arg(&PLACE).arg(FAILURES);
    entries.arg(&keys.data);
    steps.arg(&keys.log);
    let mut lease = redis::cmd("HMGET");
    lease.arg(&keys.lease).arg("token").arg("until").arg("host");
    let commands = Transaction::of([redis::cmd("TIME"), meta, entries, steps, lease]);
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

/// The command that counts the segments of the version that the replies to [`commands`] name, if there is one to count.
pub(super) fn count_segments(keys: &Keys, replies: &[Value]) -> Option<Cmd> {
    match place(replies)?.version {
        Version::Segments(id, _) => {
            let mut count = redis::cmd("HLEN");
            count.arg(keys.version(id));
            Some(count)
        }
        Version::Hash | Version::Inline => None,
    }
}

/// Where the replies to [`commands`] say that the data is.
pub(super) fn place(replies: &[Value]) -> Option<Place> {
    let Some(Value::Array(meta)) = replies.get(1) else { return None };
    Place::of(meta::split(meta)?.2)
}

/// The head of what is published, and what the hash shows of it: by the fields `HEAD`, `LAYOUT` and `PLACE` of meta, and the
/// number of the hash's entries. `None`: there is no head that this build can read.
pub(super) fn head_and_hash(fields: &[Value], entries: &Value) -> Option<(Head, HashState)> {
    let (head, layout, place) = meta::split(fields)?;
    // A newer format may mean something else by these fields.
    let head = meta::head(head).filter(|_| meta::newer_format(head).is_none())?;
    let hash = hash_state(layout, Place::of(place).as_ref(), Some(&head), entries);
    Some((head, hash))
}

/// What of the data was counted.
pub(super) struct Counted<'a> {
    pub(super) entries_of_hash: &'a Value,
    pub(super) steps_of_log: &'a Value,
    /// The segments of the version and its manifest, if there is a version.
    pub(super) fields_of_version: Option<&'a Value>,
}

impl Counted<'_> {
    fn is_whole(&self, head: &Head, place: &Place) -> bool {
        match place.version {
            Version::Hash => number(self.entries_of_hash) == Some(head.entries),
            Version::Inline => self.is_log_whole(place),
            Version::Segments(_, segments) => {
                self.fields_of_version.and_then(number).is_some_and(|fields| fields.checked_sub(1) == Some(segments))
                    && self.is_log_whole(place)
            }
        }
    }

    fn is_log_whole(&self, place: &Place) -> bool {
        number(self.steps_of_log).is_some_and(|steps| steps >= place.steps)
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

    /// Whether what meta describes is there.
    fn presence(&self, fields: &[Value], place: Option<&Place>, counted: &Counted<'_>) -> Result<Presence> {
        Ok(match self.head(fields)? {
            None => Presence::Missing,
            Some(head) if place.is_some_and(|place| counted.is_whole(&head, place)) => Presence::Whole(head),
            Some(head) => Presence::Lost(head),
        })
    }

    /// The status in the replies to [`commands`] and [`count_segments`]. `None`: they are not such replies.
    pub(super) fn status(
        &self,
        keys: &Keys,
        layout: &Layout,
        replies: &[Value],
        fields_of_version: Option<&Value>,
    ) -> Result<Option<Status>> {
        let place = place(replies);
        let Some((replies, of_record)) = replies.split_at_checked(5) else { return Ok(None) };
        let [clock, Value::Array(meta), entries_of_hash, steps_of_log, Value::Array(lease)] = replies else {
            return Ok(None);
        };
        let counted = Counted { entries_of_hash, steps_of_log, fields_of_version };
        let [token, until, host] = &lease[..] else { return Ok(None) };
        let Some((fields, rest)) = meta.split_at_checked(HEAD.len()) else { return Ok(None) };
        let (Some(layout_fields), Some(failures)) = (rest.get(..LAYOUT.len()), rest.last()) else { return Ok(None) };
        let Some(now) = meta::clock(clock) else { return Ok(None) };
        let mut presence = self.presence(fields, place.as_ref(), &counted)?;
        let hash = hash_state(layout_fields, place.as_ref(), presence.whole(), entries_of_hash);
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
        Ok(Some(Status { now, presence, hash, failing, lease, holder }))
    }
}

/// What the plain hash shows of a snapshot.
fn hash_state(layout_fields: &[Value], place: Option<&Place>, head: Option<&Head>, entries: &Value) -> HashState {
    let has_hash = meta::layout(layout_fields).is_none_or(|layout| layout.has_hash());
    match (place, head) {
        (Some(place), Some(head)) if has_hash => {
            let is_current = place.version == Version::Hash || place.view == head.id.to_string();
            if is_current && number(entries) == Some(head.entries) { HashState::Current } else { HashState::Behind }
        }
        _ => HashState::Absent,
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
