//! The task of one cache: refills it whenever that is due, and keeps its data alive meanwhile.

use std::sync::Arc;

use kiwi_store::{Due, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::caches::Entry;
use super::schedule::{self, Next};
use super::shared::Supervisor;
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::refill::context::Context;
use crate::refill::prolong::keep_alive;

/// What ends a task, gently and at once.
#[derive(Clone, Debug)]
pub(super) struct Stopping {
    /// No more loads begin; the one under way goes on.
    pub(super) draining: CancellationToken,
    /// The load under way is abandoned, and its lease released.
    pub(super) stop: CancellationToken,
}

impl Stopping {
    pub(super) fn new() -> Self {
        Self { draining: CancellationToken::new(), stop: CancellationToken::new() }
    }

    /// Ends with this, or before it.
    pub(super) fn child(&self) -> Self {
        Self { draining: self.draining.child_token(), stop: self.stop.child_token() }
    }

    pub(super) fn cancel(&self) {
        self.draining.cancel();
        self.stop.cancel();
    }
}

/// Why a wait ended.
enum Woken {
    Scheduled,
    DataLost { in_a_row: u32 },
}

/// Refills one cache whenever that is due, until it is stopped. What is published stays alive meanwhile.
pub(super) async fn keep_warm(shared: &Supervisor, store: Arc<dyn Store>, entry: &Entry, stopping: &Stopping) {
    tokio::select! {
        () = keep_refilled(shared, &*store, entry, stopping) => {}
        never = keep_alive(Context::new(&*store, &entry.cache, &shared.events)) => match never {},
    }
}

async fn keep_refilled(shared: &Supervisor, store: &dyn Store, entry: &Entry, stopping: &Stopping) {
    let cache = &entry.cache;
    let interval = cache.definition.timing.refill_interval;
    let events = shared.events.of(&cache.definition.label);
    let mut due = if entry.is_changed { Due::Always } else { Due::After(interval) };
    let mut losses = 0u32;
    let mut before: Option<Outcome> = None;
    while let Some(turn) = stopping.draining.run_until_cancelled(shared.turn()).await {
        let outcome = shared.attempt(store, cache, due, &stopping.stop).await;
        drop(turn);
        shared.report(cache, &outcome, before.as_ref());
        let next = schedule::next(&outcome, cache.standing.failures(), interval, random());
        events.emit(CacheEvent::Scheduled { outcome: &outcome, before: before.as_ref(), next: next.delay() });
        match stopping.draining.run_until_cancelled(wait(entry, &outcome, next, losses)).await {
            None => return,
            Some(Woken::Scheduled) => losses = 0,
            Some(Woken::DataLost { in_a_row }) => losses = in_a_row,
        }
        // Another host that is loading it may do so under the old definition.
        if !matches!(outcome, Outcome::Busy { .. }) {
            due = Due::After(interval);
        }
        before = Some(outcome);
    }
}

/// Waits until the next refill is due by time, or because the data is gone.
async fn wait(entry: &Entry, outcome: &Outcome, next: Next, losses: u32) -> Woken {
    let scheduled = async {
        match next {
            Next::Never => std::future::pending().await,
            Next::After(delay) => tokio::time::sleep(delay).await,
        }
    };
    let published = Instant::now();
    let data_lost = async {
        entry.due.notified().await;
        let in_a_row = schedule::losses_in_a_row(losses, published.elapsed());
        let interval = entry.cache.definition.timing.refill_interval;
        tokio::time::sleep(schedule::after_loss(in_a_row, interval)).await;
        in_a_row
    };
    let failed = matches!(outcome, Outcome::Failed(_) | Outcome::Backoff { .. });
    tokio::select! {
        () = scheduled => Woken::Scheduled,
        // After a failure the source is left alone, even if there is nothing to serve.
        in_a_row = data_lost, if !failed => Woken::DataLost { in_a_row },
    }
}

/// In `0.0..1.0`. Good enough to spread delays; not for secrets.
fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}
