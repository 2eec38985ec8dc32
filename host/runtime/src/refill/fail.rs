//! What follows from a load that failed.

use std::time::SystemTime;

use kiwi_store::{LastError, Lease};

use super::backoff::backoff;
use super::context::Context;
use super::prolong::prolong;
use super::restore::restore;
use crate::events::event::CacheEvent;
use crate::failure::Failure;

/// Makes all hosts leave the source alone for a while, records why, and gives the old data its whole life
/// again, or publishes this program's own copy where the store has none.
pub(super) async fn fail(context: Context<'_>, lease: Lease, is_lost: bool, failure: &Failure) {
    let timing = &context.definition().timing;
    let failures = context.standing().failures().saturating_add(1);
    let backoff = backoff(failure, failures, timing.refill_interval);
    let error = LastError::new(SystemTime::now(), failure.kind.to_string(), failure.message.clone());
    let lease = if is_lost { restore(context, lease).await } else { Some(lease) };
    if let Some(lease) = lease {
        let failed = context.store.fail(lease, backoff, &error, timing.cache_ttl).await;
        if let Err(error) = context.events.store_call(failed) {
            context.events.emit(CacheEvent::FailureNotRecorded { error: &error });
        }
    }
    // From now on, even if nobody looks after it any more.
    prolong(context).await;
}
