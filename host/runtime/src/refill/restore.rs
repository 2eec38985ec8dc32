//! Publishes again what the store has lost while the source is away: a program that embeds the host still
//! has it, in the memory of its reader.

use kiwi_cache::SnapshotText;
use kiwi_store::{Begin, CommitError, Due, Lease};

use super::context::Context;
use super::lease::release;
use crate::events::event::CacheEvent;

/// Publishes the copy that this program holds, as old as it is, where nothing is published any more.
/// Returns the lease to fail the load with: another one, if there was a copy.
pub(super) async fn restore(context: Context<'_>, lease: Lease) -> Option<Lease> {
    let Some(copy) = context.standing().kept_text.get() else { return Some(lease) };
    // What the load has staged is in the way.
    release(context, lease).await;
    let lease_ttl = context.definition().timing.lease_ttl;
    let begun = context.store.begin(context.cache.name(), context.holder(), lease_ttl, Due::Always).await;
    let Ok(Begin::Go { lease, base, .. }) = context.events.store_call(begun) else { return None };
    if base.is_none() {
        let event = match stage_and_restore(context, &lease, &copy).await {
            // The hash follows when a look finds it behind: the lease is not renewed here.
            Ok(()) => CacheEvent::Restored { seq: copy.head.seq, entries: copy.head.entries },
            Err(error) => {
                let why = error.to_string();
                context.events.emit(CacheEvent::RestoreFailed { why: &why });
                return Some(lease);
            }
        };
        context.events.emit(event);
    }
    Some(lease)
}

async fn stage_and_restore(context: Context<'_>, lease: &Lease, copy: &SnapshotText) -> Result<(), CommitError> {
    for batch in copy.entries.iter() {
        context.events.store_call(context.store.stage(lease, batch).await).map_err(CommitError::Failed)?;
    }
    let timing = &context.definition().timing;
    let mut head = copy.head.clone();
    (head.cache_ttl, head.refill_interval) = (timing.cache_ttl, timing.refill_interval);
    let restored = context.store.restore(lease, &head).await;
    if let Err(CommitError::Failed(error)) = &restored {
        context.events.store_failed(error);
    }
    restored
}
