//! Hears readers that find nothing and ask for it: the host then looks at once, not only at its next turn.
//!
//! An ask is a hint. It makes the host look at the cache, and what the host sees decides, as it does each
//! second anyway: no ask can make it load what is there, or what a backoff forbids.

use std::collections::BTreeSet;
use std::time::Duration;

use kiwi_store::{Asks, Name};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::shared::Supervisor;
use super::watch::saw;
use crate::events::event::{CacheEvent, Event};

/// Asks within this time are one look: a flood of them costs one look each time.
const GATHERING_TIME: Duration = Duration::from_millis(50);
/// How long to wait before listening again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Listens as long as the host runs. Where the store is away, `watch` reports it.
pub(super) async fn listen(shared: &Supervisor) {
    let mut changes = shared.changes();
    loop {
        let caches = shared.caches();
        match caches.store.asks(&caches.names()).await {
            Ok(asks) => answer(shared, asks, &mut changes).await,
            Err(error) if error.is_denied() => {
                shared.events.emit(&Event::AsksDenied { error: &error });
                return;
            }
            Err(error) => shared.events.emit(&Event::AsksFailed { error: &error }),
        }
        if changes.has_changed().is_ok_and(|changed| changed) {
            changes.mark_unchanged();
        } else {
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// Looks at what is asked for, until nothing can be heard any more or other caches run.
async fn answer(shared: &Supervisor, mut asks: Asks, changes: &mut watch::Receiver<()>) {
    loop {
        let asked = tokio::select! {
            asked = asks.next() => asked,
            _ = changes.changed() => {
                changes.mark_changed();
                return;
            }
        };
        let Some(name) = asked else { return };
        let mut asked = BTreeSet::from([name]);
        let until = Instant::now() + GATHERING_TIME;
        while let Ok(Some(name)) = timeout_at(until, asks.next()).await {
            asked.insert(name);
        }
        look_at(shared, &asked.into_iter().collect::<Vec<_>>()).await;
    }
}

async fn look_at(shared: &Supervisor, asked: &[Name]) {
    let caches = shared.caches();
    match caches.store.statuses(asked).await {
        Ok(statuses) => {
            for (name, status) in asked.iter().zip(statuses) {
                if let Some(entry) = caches.find(name) {
                    saw(shared, entry, status);
                }
            }
        }
        Err(error) => {
            for entry in asked.iter().filter_map(|name| caches.find(name)) {
                shared.events.of(&entry.cache.definition.label).emit(CacheEvent::LookFailed { error: &error });
            }
        }
    }
}
