//! Listens for the log: one line an event, and a failure that only repeats is not logged again.

use std::time::Duration;

use kiwi_store::Name;

use super::event::{CacheEvent, Event};
use super::listener::Listener;
use super::outcome::Outcome;

/// The target of lines about how attempts ended, so that a program that prints outcomes itself can leave
/// them out.
const OUTCOME: &str = "kiwi_host::outcome";

/// Writes events to the log.
pub(super) struct Log;

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
                restart_in_s = delay.as_secs(),
                "the task of {task} panicked: please report it with the log lines before this one; restarting it"
            ),
            Event::Cache(label, event) => cache_event(&label.cache, event),
        }
    }
}

fn cache_event(cache: &Name, event: &CacheEvent<'_>) {
    match event {
        CacheEvent::Ended { outcome, before } => ended(cache, outcome, *before),
        CacheEvent::Scheduled { outcome, before, next } => scheduled(cache, outcome, *before, *next),
        CacheEvent::WaitingForOtherHost => {
            tracing::info!(%cache, "another host is loading it: waiting for its result");
        }
        CacheEvent::Prolonged { published: true } => tracing::trace!(%cache, "extended the life of the published data"),
        CacheEvent::Prolonged { published: false } => tracing::trace!(%cache, "nothing is published to extend"),
        // The store's absence is reported once for all caches.
        CacheEvent::ProlongFailed { error } if error.is_unavailable() => {
            tracing::debug!(%cache, "could not extend the life of the published data: {error}");
        }
        CacheEvent::ProlongFailed { error } => {
            tracing::warn!(%cache, "could not extend the life of the published data: {error}");
        }
        CacheEvent::RenewalFailed { error } => tracing::debug!(%cache, "could not renew the lease yet: {error}"),
        CacheEvent::ReleaseFailed { error, lease_ttl } => {
            let expires = humantime::format_duration(*lease_ttl);
            tracing::warn!(%cache, "could not release the lease; it expires in {expires}: {error}");
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
        CacheEvent::LookFailed { error } => tracing::debug!("{error}"),
        CacheEvent::StoreCallFailed { error } => tracing::trace!(%cache, "a call of the store failed: {error}"),
        // What they come to is logged when the attempt has ended.
        CacheEvent::Loaded { .. }
        | CacheEvent::Refused { .. }
        | CacheEvent::Committed { .. }
        | CacheEvent::Aged { .. }
        | CacheEvent::StoreRefused => {}
    }
}

fn ended(cache: &Name, outcome: &Outcome, before: Option<&Outcome>) {
    match outcome {
        Outcome::Failed(failure) if before.and_then(Outcome::failure) == Some(failure) => {
            tracing::debug!(target: OUTCOME, %cache, kind = %failure.kind, "still not refilled: {}", failure.message);
        }
        Outcome::Published { id, entries, bytes, took } => {
            tracing::info!(target: OUTCOME, %cache, %id, entries, bytes, took_ms = millis(*took), "published");
        }
        Outcome::Unchanged { entries, took, .. } => {
            tracing::info!(target: OUTCOME, %cache, entries, took_ms = millis(*took), "unchanged");
        }
        Outcome::Fresh { left } => {
            tracing::debug!(target: OUTCOME, %cache, due_in_ms = millis(*left), "another host has refilled it")
        }
        Outcome::Busy { .. } => tracing::debug!(target: OUTCOME, %cache, "another host is loading it"),
        Outcome::Backoff { left } => {
            tracing::debug!(target: OUTCOME, %cache, left_ms = millis(*left), "backing off: its last load failed");
        }
        Outcome::Failed(failure) => {
            let detail = failure.detail.as_deref().map_or(String::new(), |detail| format!("\n{detail}"));
            tracing::error!(target: OUTCOME, %cache, kind = %failure.kind, "not refilled: {}{detail}", failure.message);
        }
        Outcome::Abandoned => {
            tracing::info!(target: OUTCOME, %cache, "abandoned the load because the host is shutting down; nothing was published");
        }
    }
}

/// What follows from a failure, where that is reported for the first time.
fn scheduled(cache: &Name, outcome: &Outcome, before: Option<&Outcome>, next: Duration) {
    if before.and_then(Outcome::failure) == outcome.failure() {
        return;
    }
    if outcome.failure().is_some() {
        let delay = humantime::format_duration(Duration::from_secs(next.as_secs().max(1)));
        tracing::info!(target: OUTCOME, %cache, "next attempt in {delay}");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
