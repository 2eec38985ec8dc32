//! What a host says in its log of each refill.

use std::time::Duration;

use kiwi_store::Name;

use crate::outcome::Outcome;
use crate::schedule::Next;

/// Logs what a refill came to, after what the one before came to: a failure that only repeats is not
/// told again.
pub(crate) fn outcome(cache: &Name, outcome: &Outcome, before: Option<&Outcome>) {
    match outcome {
        Outcome::Failed(failure) if before.and_then(Outcome::failure) == Some(failure) => {
            tracing::debug!(%cache, kind = %failure.kind, "still not refilled: {}", failure.message);
        }
        Outcome::Published { id, entries, bytes, took } => {
            tracing::info!(%cache, %id, entries, bytes, took_ms = millis(*took), "published");
        }
        Outcome::Unchanged { entries, took, .. } => {
            tracing::info!(%cache, entries, took_ms = millis(*took), "unchanged");
        }
        Outcome::Fresh { left } => tracing::debug!(%cache, due_in_ms = millis(*left), "another host has refilled it"),
        Outcome::Busy { .. } => tracing::debug!(%cache, "another host is loading it"),
        Outcome::Backoff { left } => {
            tracing::debug!(%cache, left_ms = millis(*left), "its source is left alone after a failure")
        }
        Outcome::Failed(failure) => {
            let detail = failure.detail.as_deref().map_or(String::new(), |detail| format!("\n{detail}"));
            tracing::error!(%cache, kind = %failure.kind, "not refilled: {}{detail}", failure.message);
        }
        Outcome::Abandoned => {
            tracing::info!(%cache, "the load was dropped, because the host stops; nothing was published")
        }
    }
}

/// Logs what follows from a failure that is told for the first time.
pub(crate) fn next(cache: &Name, outcome: &Outcome, before: Option<&Outcome>, next: Next) {
    if before.and_then(Outcome::failure) == outcome.failure() {
        return;
    }
    match next {
        Next::Never => {
            tracing::error!(%cache, "not tried again until its settings, its grants or its plugin change and the host is restarted");
        }
        Next::After(delay) if outcome.failure().is_some() => {
            tracing::info!(%cache, next_ms = millis(delay), "trying again; what is published stays");
        }
        Next::After(_) => {}
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
