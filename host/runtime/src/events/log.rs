//! Listens for the log: one line an event, with the same names for the same fields, and no line twice for a failure
//! that only repeats (`streak.rs` says which repetitions are logged).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use kiwi_store::Name;

use super::event::{CacheEvent, Event};
use super::listener::Listener;
use super::outcome::Outcome;
use super::streak::{InARow, Streaks, Worth};
use crate::failure::Failure;

/// The target of lines about how attempts ended, so that a program that prints outcomes itself can leave
/// them out.
const OUTCOME: &str = "kiwi_host::outcome";

/// Writes events to the log.
#[derive(Default)]
pub(super) struct Log {
    streaks: Streaks,
    ending: Ending,
}

/// What the loads come to that were under way when the host began to shut down.
#[derive(Default)]
struct Ending {
    has_begun: AtomicBool,
    finished: AtomicU32,
    abandoned: AtomicU32,
    unreleased: AtomicU32,
}

impl Listener for Log {
    fn heard(&self, event: &Event<'_>) {
        match event {
            Event::StoreAway { error } => {
                tracing::warn!("{error}; retrying until it is reachable, readers keep serving what they have");
            }
            Event::StoreBack { location } => tracing::info!("the store at {location} is back"),
            Event::AsksDenied { error } => {
                tracing::warn!("readers that find nothing are noticed within a second, not immediately: {error}");
            }
            Event::AsksFailed { error } => tracing::debug!("cannot listen for readers that ask: {error}"),
            Event::ReportFailed { cache, error } => tracing::debug!(%cache, "cannot report to the store: {error}"),
            Event::TaskDied { task, times, delay } => tracing::error!(
                times,
                next_in_ms = millis(*delay),
                "the task of {task} panicked: please report it with the log lines before this one; restarting it"
            ),
            Event::Draining => self.ending.has_begun.store(true, Ordering::Relaxed),
            Event::Stopped { in_time } => self.ending.log(*in_time),
            Event::Cache(label, event) => self.cache_event(&label.cache, event),
        }
    }
}

impl Log {
    fn cache_event(&self, cache: &Name, event: &CacheEvent<'_>) {
        match event {
            CacheEvent::Ended { outcome, next } => {
                self.ending.count(outcome);
                self.ended(cache, outcome, *next);
            }
            CacheEvent::WaitingForOtherHost { holder, left } => {
                let (host, until) = (holder.unwrap_or("unknown"), rfc3339(SystemTime::now().checked_add(*left)));
                tracing::info!(
                    %cache, host, lease_until = until,
                    "another host is loading it: waiting until it has finished (its lease is renewed while it loads)"
                );
            }
            CacheEvent::Prolonged { published: true } => {
                tracing::trace!(%cache, "extended the life of the published data");
            }
            CacheEvent::Prolonged { published: false } => tracing::trace!(%cache, "nothing is published to extend"),
            // The store's absence is reported once for all caches.
            CacheEvent::ProlongFailed { error } if error.is_unavailable() => {
                tracing::debug!(%cache, "could not extend the life of the published data: {error}");
            }
            CacheEvent::ProlongFailed { error } => {
                tracing::warn!(%cache, "could not extend the life of the published data: {error}");
            }
            CacheEvent::FollowUpFailed { error } => {
                tracing::warn!(%cache, "could not update the hash to what is published, and will try again: {error}");
            }
            CacheEvent::RenewalFailed { error } => tracing::debug!(%cache, "could not renew the lease yet: {error}"),
            CacheEvent::ReleaseFailed { error, lease_ttl } => {
                self.ending.unreleased.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    %cache, lease_ttl_ms = millis(*lease_ttl),
                    "could not release the lease, which expires by itself: {error}"
                );
            }
            CacheEvent::FailureNotRecorded { error } => {
                tracing::debug!(%cache, "could not record the failure in the store: {error}");
            }
            CacheEvent::Restored { seq, entries } => tracing::warn!(
                %cache, seq, entries,
                "the store had lost it and it cannot be loaded: published this program's own copy again"
            ),
            CacheEvent::RestoreFailed { why } => {
                tracing::warn!(%cache, "could not publish this program's copy again: {why}")
            }
            CacheEvent::LookFailed { error } => tracing::debug!(%cache, "{error}"),
            CacheEvent::StoreCallFailed { error } => tracing::trace!(%cache, "a call of the store failed: {error}"),
            // What they come to is logged when the attempt has ended.
            CacheEvent::Loaded { .. }
            | CacheEvent::Refused { .. }
            | CacheEvent::Committed { .. }
            | CacheEvent::Aged { .. }
            | CacheEvent::StoreRefused => {}
        }
    }

    fn ended(&self, cache: &Name, outcome: &Outcome, next: Option<Duration>) {
        match outcome {
            Outcome::Failed(failure) => self.failed(cache, failure, next),
            Outcome::Published { id, entries, bytes, took } => {
                let took_ms = millis(*took);
                match self.streaks.end(cache) {
                    None => tracing::info!(target: OUTCOME, %cache, entries, bytes, took_ms, %id, "published"),
                    Some(row) => tracing::info!(
                        target: OUTCOME, %cache, entries, bytes, took_ms, %id, times = row.times, since = row.since(),
                        "published, again after {row}"
                    ),
                }
            }
            Outcome::Unchanged { entries, took, .. } => {
                let took_ms = millis(*took);
                match self.streaks.end(cache) {
                    None => tracing::debug!(target: OUTCOME, %cache, entries, took_ms, "unchanged"),
                    Some(row) => tracing::info!(
                        target: OUTCOME, %cache, entries, took_ms, times = row.times, since = row.since(),
                        "refilled again after {row}: unchanged"
                    ),
                }
            }
            Outcome::Fresh { left } => {
                let next_in_ms = millis(*left);
                match self.streaks.end(cache) {
                    None => tracing::debug!(target: OUTCOME, %cache, next_in_ms, "another host has refilled it"),
                    Some(row) => tracing::info!(
                        target: OUTCOME, %cache, next_in_ms, times = row.times, since = row.since(),
                        "another host has refilled it, after {row} on this one"
                    ),
                }
            }
            Outcome::Busy { .. } => tracing::debug!(target: OUTCOME, %cache, "another host is loading it"),
            Outcome::Backoff { left } => {
                let next_in_ms = millis(*left);
                tracing::debug!(target: OUTCOME, %cache, next_in_ms, "backing off: its last load failed");
            }
            Outcome::Abandoned => tracing::info!(
                target: OUTCOME, %cache,
                "abandoned the load because the host is shutting down; nothing was published"
            ),
        }
    }

    fn failed(&self, cache: &Name, failure: &Failure, next: Option<Duration>) {
        let Failure { kind, message, detail, .. } = failure;
        let (row, worth) = self.streaks.failed(cache, failure);
        let (times, next_in_ms) = (row.times, next.map(millis));
        match worth {
            Worth::New => tracing::error!(
                target: OUTCOME, %cache, %kind, times, next_in_ms, detail = detail.as_deref(), "not refilled: {message}"
            ),
            Worth::Repeated => tracing::error!(
                target: OUTCOME, %cache, %kind, times, next_in_ms, since = row.since(),
                "still not refilled, {row}: {message}"
            ),
            Worth::Nothing => tracing::debug!(
                target: OUTCOME, %cache, %kind, times, next_in_ms, since = row.since(), "still not refilled: {message}"
            ),
        }
    }
}

impl Ending {
    fn count(&self, outcome: &Outcome) {
        if self.has_begun.load(Ordering::Relaxed) {
            let count = match outcome {
                Outcome::Abandoned => &self.abandoned,
                Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Failed(_) => &self.finished,
                _ => return,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The last line of a host.
    fn log(&self, in_time: bool) {
        let taken = |count: &AtomicU32| count.swap(0, Ordering::Relaxed);
        self.has_begun.store(false, Ordering::Relaxed);
        let (finished, abandoned) = (taken(&self.finished), taken(&self.abandoned));
        match taken(&self.unreleased) {
            0 if in_time => tracing::info!(finished, abandoned, "stopped: all leases are released"),
            unreleased => tracing::warn!(
                finished,
                abandoned,
                unreleased,
                "stopped: leases that could not be released expire by themselves"
            ),
        }
    }
}

impl InARow {
    fn since(self) -> String {
        rfc3339(Some(self.since))
    }
}

impl std::fmt::Display for InARow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failures = if self.times == 1 { "failure" } else { "failures" };
        write!(f, "{} {failures} in a row since {}", self.times, InARow::since(*self))
    }
}

/// RFC 3339 has four digits for the year.
fn rfc3339(time: Option<SystemTime>) -> String {
    const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
    let end = SystemTime::UNIX_EPOCH + END_OF_9999;
    humantime::format_rfc3339_seconds(time.unwrap_or(end).clamp(SystemTime::UNIX_EPOCH, end)).to_string()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
