//! One attempt, from taking the lease to giving it back.

use kiwi_store::{Begin, Due, Head, Layout, Lease, Token};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::commit::{Uncommitted, commit};
use super::context::Context;
use super::delivery::{Bound, Delivery};
use super::fail::fail;
use super::lease::{keep_lease, release};
use super::plan::{bound, decide};
use super::stage::{Staged, stage};
use crate::entries::fingerprints::Fingerprints;
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::failure::Failure;

/// Refills a cache if it is due, and counts how that ended.
pub(crate) async fn refill(context: Context<'_>, due: Due, stop: &CancellationToken) -> Outcome {
    let outcome = attempt(context, due, stop).await;
    context.standing().count(&outcome);
    outcome
}

async fn attempt(context: Context<'_>, due: Due, stop: &CancellationToken) -> Outcome {
    let lease_ttl = context.definition().timing.lease_ttl;
    let begun = context.store.begin(context.cache.name(), Token::random(), lease_ttl, due).await;
    let (lease, base) = match context.store_call(begun) {
        Ok(Begin::Go { lease, base }) => (lease, base),
        Ok(Begin::Fresh { left }) => return Outcome::Fresh { left },
        Ok(Begin::Busy { left }) => return Outcome::Busy { left },
        Ok(Begin::Backoff { left }) => return Outcome::Backoff { left },
        Ok(_) => return Outcome::Abandoned,
        Err(failure) => return Outcome::Failed(failure),
    };
    let ended = {
        let _loading = context.standing().progress.begin();
        load_and_publish(context, lease, base.as_ref(), stop).await
    };
    match ended {
        Ok(outcome) => outcome,
        Err(Uncommitted { lease, failure }) => {
            fail(context, lease, base.is_none(), &failure).await;
            Outcome::Failed(failure)
        }
    }
}

async fn load_and_publish(
    context: Context<'_>,
    lease: Lease,
    base: Option<&Head>,
    stop: &CancellationToken,
) -> Result<Outcome, Uncommitted> {
    let started = Instant::now();
    let recalled = context.standing().memory.recall(base, context.definition().limits());
    let bound = recalled.as_ref().and(base).and_then(|base| bound(&context.definition().config, base));
    let delivery = Delivery::new(recalled.unwrap_or_default());
    let loaded = tokio::select! {
        staged = load(context, &lease, base, bound, &delivery, started) => staged,
        failure = keep_lease(context, &lease) => Err(failure),
        () = stop.cancelled() => {
            remember(context, base, None, delivery.into_fingerprints());
            release(context, lease).await;
            return Ok(Outcome::Abandoned);
        }
    };
    let ended = match loaded {
        Ok(staged) => commit(context, lease, base, staged, started).await,
        Err(failure) => Err(Uncommitted { lease, failure }),
    };
    remember(context, base, ended.as_ref().ok(), delivery.into_fingerprints());
    ended
}

/// Runs the loader, delivers its entries while it runs, decides what is published of them, and brings
/// that into the store.
async fn load(
    context: Context<'_>,
    lease: &Lease,
    base: Option<&Head>,
    bound: Option<Bound>,
    delivery: &Delivery,
    started: Instant,
) -> Result<Staged, Failure> {
    let definition = context.definition();
    let (intake, arriving) = delivery.intake(definition.limits().clone(), context.standing().progress.clone());
    let mark = definition.own_mark(base.and_then(|base| base.mark.as_deref()));
    // Whichever fails first ends the other.
    let (loaded, delivered) =
        tokio::try_join!(context.cache.load(mark, intake), delivery.run(context, lease, bound, arriving))?;
    context.events.emit(CacheEvent::Loaded { took: started.elapsed() });
    let changes = delivery.changes(bound);
    let mark = loaded.mark.map(|mark| definition.stored_mark(&mark));
    let decided = decide(&definition.config, base, loaded.ended, mark, delivered, changes);
    let plan = decided.map_err(|not_published| not_published.report(context))?;
    stage(context, lease, delivery, plan).await
}

/// Keeps for the next load what is known of the snapshot that is published now.
fn remember(context: Context<'_>, base: Option<&Head>, outcome: Option<&Outcome>, mut fingerprints: Fingerprints) {
    // A record is always written whole: there is nothing to compare with.
    if context.definition().config.layout != Layout::Hash {
        return;
    }
    let base = base.map(|base| base.id);
    let known = match outcome {
        Some(Outcome::Published { id, .. }) => fingerprints.settle().then_some(*id),
        Some(Outcome::Unchanged { .. }) if fingerprints.is_whole() => fingerprints.settle().then_some(base).flatten(),
        _ => fingerprints.revert().then_some(base).flatten(),
    };
    if let Some(id) = known {
        context.standing().memory.keep(id, context.definition().limits().clone(), fingerprints);
    }
}
