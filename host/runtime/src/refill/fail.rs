//! What follows from a load that failed.

use std::time::{Duration, SystemTime};

use kiwi_store::{LastError, Lease, Presence};

use super::backoff::backoff;
use super::context::Context;
use super::prolong::prolong;
use super::restore::restore;
use crate::events::event::CacheEvent;
use crate::failure::Failure;

/// What follows from a load that failed.
pub(super) struct Failed {
    /// How long its source is left alone.
    pub(super) backoff: Duration,
    /// Whether the store has the failure, so that every host of this definition respects it.
    pub(super) is_recorded: bool,
}

/// Makes all hosts of this definition leave the source alone for a while, records why, and gives the old data its
/// whole life again, or publishes this program's own copy where the store has none. `failures` is how many loads had
/// failed in a row before this one, by the store.
pub(super) async fn fail(context: Context<'_>, lease: Lease, failures: u32, failure: &Failure) -> Failed {
    let (timing, trouble) = (&context.definition().timing, &context.standing().trouble);
    let failures = failures.saturating_add(trouble.loads()).saturating_add(1);
    let backoff = backoff(failures, timing.refill_interval, failure.retry_after);
    let error = LastError::new(SystemTime::now(), failure.kind.to_string(), failure.message.clone());
    let lease = if is_gone(context).await { restore(context, lease).await } else { Some(lease) };
    let mut is_recorded = false;
    if let Some(lease) = lease {
        let failed = context.store.fail(lease, backoff, &error, timing.cache_ttl).await;
        match context.events.store_call(failed) {
            Ok(()) => is_recorded = true,
            Err(error) => context.events.emit(CacheEvent::FailureNotRecorded { error: &error }),
        }
    }
    if is_recorded {
        trouble.clear();
    } else {
        trouble.add(failure, true);
    }
    // From now on, even if nobody looks after it any more.
    prolong(context).await;
    Failed { backoff, is_recorded }
}

/// Whether there is a copy to publish, and nothing in the store: it may have been lost while the load ran.
async fn is_gone(context: Context<'_>) -> bool {
    if context.standing().kept_text.get().is_none() {
        return false;
    }
    let status = context.store.status(context.cache.name()).await;
    status.is_ok_and(|status| matches!(status.presence, Presence::Missing | Presence::Lost(_)))
}
