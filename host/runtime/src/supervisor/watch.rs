//! Looks at all caches again and again: wakes those whose data is gone, and reports when the store is away
//! and back.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kiwi_store::{HashState, Presence, Status};

use super::caches::Entry;
use super::schedule::{is_left_alone, is_overdue};
use super::shared::Supervisor;
use crate::events::event::{CacheEvent, Event};

/// How often the heads of all caches are read: a map that is missing or lost is due at once.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// After how many looks in a row a hash that is behind is taken to be abandoned: some random number between these.
const MIN_LOOKS_BEHIND: u32 = 3;
const MAX_LOOKS_BEHIND: u32 = 20;

/// Watches the store as long as the host runs.
pub(super) async fn watch(shared: &Supervisor) -> Infallible {
    let mut away = false;
    loop {
        let caches = shared.caches();
        match caches.store.statuses(&caches.names()).await {
            Ok(statuses) => {
                if std::mem::take(&mut away) {
                    shared.events.emit(&Event::StoreBack { location: caches.store.location() });
                }
                for (entry, status) in caches.entries.iter().zip(statuses) {
                    if let Ok(status) = &status {
                        note_hash(entry, status);
                    }
                    saw(shared, entry, status);
                }
            }
            Err(error) => {
                for entry in &caches.entries {
                    shared.events.of(&entry.cache.definition.label).store_failed(&error);
                }
                if !std::mem::replace(&mut away, true) {
                    shared.events.emit(&Event::StoreAway { error: &error });
                }
            }
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// What follows from a look at one cache.
pub(super) fn saw(shared: &Supervisor, entry: &Entry, status: kiwi_store::Result<Status>) {
    let events = shared.events.of(&entry.cache.definition.label);
    let status = match events.store_call(status) {
        Ok(status) => status,
        Err(error) => return events.emit(CacheEvent::LookFailed { error: &error }),
    };
    let is_loading = entry.cache.standing.progress.is_loading();
    let definition = &entry.cache.definition;
    match &status.presence {
        Presence::Whole(head) => {
            events.emit(CacheEvent::Aged { age: status.now.duration_since(head.checked_at).unwrap_or_default() });
            if !is_loading && is_overdue(&status, definition.id, definition.timing.refill_interval) {
                entry.overdue.notify_waiters();
            }
        }
        // What kiwi-cache has written is fresh enough until the next refill.
        Presence::Foreign(_) => {}
        // After a failure the source is left alone, even if there is nothing to serve.
        _ if is_loading || is_left_alone(&status, definition.id) => {}
        _ => entry.gone.notify_waiters(),
    }
}

/// The host that has published brings the hash along. If it was killed meanwhile, another one does: not all of them at the
/// same time, because each writes a copy.
fn note_hash(entry: &Entry, status: &Status) {
    let is_abandoned = status.hash == HashState::Behind && !entry.cache.standing.is_following.load(Ordering::Relaxed);
    if !is_abandoned {
        return entry.looks_behind.store(0, Ordering::Relaxed);
    }
    let looks = entry.looks_behind.fetch_add(1, Ordering::Relaxed) + 1;
    if looks >= MIN_LOOKS_BEHIND && (looks >= MAX_LOOKS_BEHIND || getrandom::u32().unwrap_or(0).is_multiple_of(8)) {
        entry.looks_behind.store(0, Ordering::Relaxed);
        entry.behind.notify_waiters();
    }
}
