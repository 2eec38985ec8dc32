//! The task of one cache: refills it whenever that is due, and keeps its data alive meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kiwi_store::{Due, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::caches::Entry;
use super::schedule;
use super::shared::Supervisor;
use crate::events::outcome::Outcome;
use crate::refill::attempt::Attempt;
use crate::refill::follow_up::keep_following;
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
        never = keep_alive(shared.context(&*store, &entry.cache)) => match never {},
        never = keep_following(shared.context(&*store, &entry.cache), &entry.behind) => match never {},
    }
}

async fn keep_refilled(shared: &Supervisor, store: &dyn Store, entry: &Entry, stopping: &Stopping) {
    let cache = &entry.cache;
    let interval = cache.definition.timing.refill_interval;
    let mut due = if entry.is_changed { Due::Always } else { Due::After(interval) };
    let mut losses = 0u32;
    while let Some(turn) = stopping.draining.run_until_cancelled(shared.turn(&entry.cache)).await {
        let attempt = shared.attempt(store, cache, due, &turn, &stopping.stop).await;
        drop(turn);
        let Attempt { outcome, backoff, is_recorded } = attempt;
        let next = schedule::next(&outcome, backoff, interval, random());
        shared.tell(cache, &outcome, Some(next));
        match stopping
            .draining
            .run_until_cancelled(wait(entry, next, outcome.failure().is_none(), is_recorded, losses))
            .await
        {
            None => return,
            Some(Woken::Scheduled) => losses = 0,
            Some(Woken::DataLost { in_a_row }) => losses = in_a_row,
        }
        // Another host that is loading it may do so under the old definition.
        if !matches!(outcome, Outcome::Busy { .. }) {
            due = Due::After(interval);
        }
    }
}

/// Waits until the next refill is due by time, or because the data is gone, or because the store says so. After a
/// failure that only this host knows of, just until it is due by time.
async fn wait(entry: &Entry, next: Duration, was_there: bool, is_recorded: bool, losses: u32) -> Woken {
    let published = Instant::now();
    // How many losses in a row, once there is one.
    let lost = AtomicU32::new(0);
    let data_lost = async {
        entry.gone.notified().await;
        if !was_there {
            return;
        }
        let in_a_row = schedule::losses_in_a_row(losses, published.elapsed());
        lost.store(in_a_row, Ordering::Relaxed);
        let interval = entry.cache.definition.timing.refill_interval;
        tokio::time::sleep(schedule::after_loss(in_a_row, interval)).await;
    };
    tokio::select! {
        () = tokio::time::sleep(next) => {}
        () = data_lost, if is_recorded => {}
        () = entry.overdue.notified(), if is_recorded => {}
    }
    // A loss counts even where the next refill was due anyway.
    match lost.into_inner() {
        0 => Woken::Scheduled,
        in_a_row => Woken::DataLost { in_a_row },
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
