//! One attempt, from taking the lease to giving it back.

use std::time::Duration;

use kiwi_store::{Begin, Due, Head, Lease};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::{backoff, store_backoff};
use super::commit::{Done, Uncommitted, commit};
use super::context::Context;
use super::delivery::{Bound, Delivery};
use super::fail::{Failed, fail};
use super::follow_up::{FollowUp, follow_up};
use super::lease::{keep_lease, release};
use super::plan::{bound, decide, takes_deltas};
use super::recall::{Recalled, recall};
use super::stage::{Staged, stage};
use super::turn::Turn;
use crate::definition::cache::Cache;
use crate::entries::fingerprints::Fingerprints;
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::failure::Failure;

/// How an attempt ended, and what follows where it failed.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    /// After a failure: how long this host waits before the next attempt.
    pub(crate) backoff: Duration,
    /// Whether the store says when to try again. Otherwise only this host knows.
    pub(crate) is_recorded: bool,
}

impl Attempt {
    /// One that did not fail.
    fn ended(outcome: Outcome) -> Self {
        Self { outcome, backoff: Duration::ZERO, is_recorded: true }
    }

    /// One that failed after the source was asked, which the store does not know.
    pub(crate) fn unrecorded(cache: &Cache, failure: Failure) -> Self {
        cache.standing.trouble.add(&failure, true);
        let failures = cache.standing.trouble.loads();
        let backoff = backoff(failures, cache.definition.timing.refill_interval, failure.retry_after);
        Self { outcome: Outcome::Failed(failure), backoff, is_recorded: false }
    }

    /// One that failed before any source was asked.
    fn without_source(context: Context<'_>, failure: Failure) -> Self {
        let backoff = store_backoff(context.standing().trouble.add(&failure, false));
        Self { outcome: Outcome::Failed(failure), backoff, is_recorded: false }
    }
}

/// Refills a cache if it is due.
pub(crate) async fn refill(context: Context<'_>, due: Due, turn: &Turn<'_>, stop: &CancellationToken) -> Attempt {
    let trouble = &context.standing().trouble;
    let (lease, base, base_is_ours, failures, max_delta_bytes) = match context.store_call(begin(context, due).await) {
        Ok(Begin::Go { lease, base, base_is_ours, failures, max_delta_bytes }) => {
            (lease, base, base_is_ours, failures, max_delta_bytes)
        }
        Ok(Begin::Busy { left }) => return Attempt::ended(Outcome::Busy { left }),
        Ok(Begin::Fresh { left }) => {
            trouble.clear();
            return Attempt::ended(Outcome::Fresh { left });
        }
        Ok(Begin::Backoff { left }) => {
            trouble.clear();
            return Attempt::ended(Outcome::Backoff { left });
        }
        Ok(_) => return Attempt::ended(Outcome::Abandoned),
        Err(failure) => return Attempt::without_source(context, failure),
    };
    let ended = {
        let _loading = context.standing().progress.begin();
        load_and_publish(context, lease, base.as_ref(), base_is_ours, max_delta_bytes, turn, stop).await
    };
    match ended {
        Ok(Done { outcome, follows }) => {
            if !matches!(outcome, Outcome::Abandoned) {
                trouble.clear();
            }
            if follows.hash || follows.pack {
                stop.run_until_cancelled(follow_up(context, follows)).await;
            }
            Attempt::ended(outcome)
        }
        Err(Uncommitted { lease, failure }) => {
            let Failed { backoff, is_recorded } = fail(context, lease, failures, &failure).await;
            Attempt { outcome: Outcome::Failed(failure), backoff, is_recorded }
        }
    }
}

/// Asks for the lease, once more if the reply was lost: it may be ours already, and would keep all hosts waiting.
async fn begin(context: Context<'_>, due: Due) -> kiwi_store::Result<Begin> {
    let (cache, holder, lease_ttl) = (context.cache.name(), context.holder(), context.definition().timing.lease_ttl);
    match context.store.begin(cache, holder.clone(), lease_ttl, due).await {
        Err(error) if error.is_unavailable() => context.store.begin(cache, holder, lease_ttl, due).await,
        begun => begun,
    }
}

async fn load_and_publish(
    context: Context<'_>,
    lease: Lease,
    base: Option<&Head>,
    base_is_ours: bool,
    max_delta_bytes: u64,
    turn: &Turn<'_>,
    stop: &CancellationToken,
) -> Result<Done, Uncommitted> {
    let started = Instant::now();
    let (recalled, base) = match stop.run_until_cancelled(recall(context, base, base_is_ours)).await {
        Some(Recalled::Known(fingerprints)) => (Some(fingerprints), base),
        Some(Recalled::Damaged) => (None, None),
        Some(Recalled::Unknown) | None => (None, base),
    };
    let bound = recalled.as_ref().and(base).and_then(|base| bound(&context.definition().config, base, max_delta_bytes));
    let delivery = Delivery::new(recalled.unwrap_or_default());
    let loaded = tokio::select! {
        staged = load(context, &lease, base, bound, &delivery, turn, started) => staged,
        failure = keep_lease(context, &lease) => Err(failure),
        () = stop.cancelled() => {
            remember(context, base, None, delivery.into_fingerprints());
            release(context, lease).await;
            return Ok(Done { outcome: Outcome::Abandoned, follows: FollowUp::default() });
        }
    };
    let ended = match loaded {
        Ok(staged) => commit(context, lease, base, staged, started).await,
        Err(failure) => Err(Uncommitted { lease, failure }),
    };
    remember(context, base, ended.as_ref().ok().map(|done| &done.outcome), delivery.into_fingerprints());
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
    turn: &Turn<'_>,
    started: Instant,
) -> Result<Staged, Failure> {
    let definition = context.definition();
    let (intake, arriving) = delivery.intake(definition.limits().clone(), context.standing().progress.clone());
    let mark = definition.own_mark(base.and_then(|base| base.mark.as_deref()));
    // Whichever fails first ends the other.
    let (loaded, delivered) = tokio::try_join!(
        turn.taken_by(context.cache.load(mark, intake)),
        delivery.run(context, lease, bound, arriving)
    )?;
    context.events.emit(CacheEvent::Loaded { took: started.elapsed() });
    let changes = delivery.changes(bound);
    let mark = loaded.mark.map(|mark| definition.stored_mark(&mark));
    let decided = decide(&definition.config, base, loaded.ended, mark, delivered, changes);
    let plan = decided.map_err(|not_published| not_published.report(context))?;
    stage(context, lease, delivery, plan).await
}

/// Keeps for the next load what is known of the snapshot that is published now.
fn remember(context: Context<'_>, base: Option<&Head>, outcome: Option<&Outcome>, mut fingerprints: Fingerprints) {
    if !takes_deltas(&context.definition().config) {
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
