//! Commits what was staged: in one step, and once, even where a reply is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use kiwi_store::{Begin, CommitError, Committed, Content, Due, Head, Lease, NotCommitted, Publish};
use tokio::time::Instant;

use super::context::Context;
use super::follow_up::FollowUp;
use super::lease::release;
use super::stage::Staged;
use crate::entries::intake::Totals;
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::failure::{Failure, FailureKind};

/// When a commit whose reply was lost is sent again: after 0.2, 0.4, 0.8 and 1.6 s.
const COMMIT_RETRIES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_max_times(4);

/// A refill that failed, and its lease if that is still held.
pub(super) struct Uncommitted {
    pub(super) lease: Lease,
    pub(super) failure: Failure,
}

/// What a commit came to.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// What is to follow.
    pub(super) follows: FollowUp,
}

/// Publishes what was staged, and ends the lease.
///
/// # Errors
/// Nothing was published, and why.
pub(super) async fn commit(
    context: Context<'_>,
    lease: Lease,
    base: Option<&Head>,
    staged: Staged,
    started: Instant,
) -> Result<Done, Uncommitted> {
    let Staged { content, mark, totals } = staged;
    let new = match &content {
        Content::Swap { id, .. } | Content::Delta { id, .. } => Some(*id),
        _ => None,
    };
    let (timing, standing) = (&context.definition().timing, context.standing());
    let seq_before = standing.last_seq.load(Ordering::Relaxed);
    let publish = Publish::new(content, timing.cache_ttl, timing.refill_interval);
    let publish = publish.with_mark(mark).with_seq_after(seq_before).with_push(context.definition().config.push);
    let publishing = Instant::now();
    let committed = publish_once(context, lease, base, &publish).await?;
    standing.renewed.note(publishing);
    let seq = seq_before.max(base.map_or(0, |base| base.seq)) + u64::from(new.is_some());
    standing.last_seq.store(seq, Ordering::Relaxed);
    context.events.emit(CacheEvent::Committed { took: publishing.elapsed() });
    let took = started.elapsed();
    let outcome = match (new, totals, base) {
        (Some(id), Some(Totals { entries, bytes, .. }), _) => Outcome::Published { id, entries, bytes, took },
        (_, _, Some(base)) => Outcome::Unchanged { id: base.id, entries: base.entries, took },
        (_, _, None) => {
            Outcome::Failed(Failure::new(FailureKind::Internal, "nothing was published, and nothing was there"))
        }
    };
    let follows = FollowUp { hash: committed.is_hash_behind, pack: committed.is_log_long };
    Ok(Done { outcome, follows })
}

async fn publish_once(
    context: Context<'_>,
    lease: Lease,
    base: Option<&Head>,
    publish: &Publish,
) -> Result<Committed, Uncommitted> {
    let NotCommitted { lease, reason } = match commit_until_answered(context, lease, publish).await {
        Ok(committed) => return Ok(committed),
        Err(not_committed) => not_committed,
    };
    let (lease, reason) = match reason {
        CommitError::Fenced => match take_again(context, &lease, base, &publish.content).await {
            Ok(true) => match commit_until_answered(context, lease, publish).await {
                Ok(committed) => return Ok(committed),
                Err(NotCommitted { lease, reason }) => (lease, reason),
            },
            Ok(false) => (lease, CommitError::Fenced),
            Err(failure) => return Err(Uncommitted { lease, failure }),
        },
        reason => (lease, reason),
    };
    let failure = match reason {
        CommitError::Fenced => context.lease_lost("another host has taken it"),
        CommitError::Moved => context.store_refused("another host has published in the meantime"),
        CommitError::Lost => context.store_refused("the published data was damaged in the meantime"),
        CommitError::StagingLost => {
            context.store_refused("what was staged is gone: was the store flushed or restarted?")
        }
        // Each failed call was reported when it happened.
        CommitError::Failed(error) => Failure::store(&error),
        other => context.store_refused(other.to_string()),
    };
    Err(Uncommitted { lease, failure })
}

/// A lost reply leaves open whether it was published: sending it again tells, and does no harm.
async fn commit_until_answered(
    context: Context<'_>,
    lease: Lease,
    publish: &Publish,
) -> Result<Committed, NotCommitted> {
    let (mut lease, mut delays) = (lease, COMMIT_RETRIES.build());
    loop {
        match context.store.commit(lease, publish).await {
            Err(NotCommitted { lease: back, reason: CommitError::Failed(error) }) => {
                context.events.store_failed(&error);
                let delay = if error.is_unavailable() { delays.next() } else { None };
                let Some(delay) = delay else {
                    return Err(NotCommitted { lease: back, reason: CommitError::Failed(error) });
                };
                lease = back;
                tokio::time::sleep(delay).await;
            }
            answered => return answered,
        }
    }
}

/// The lease expired, but perhaps nobody else began since: then the work still counts. Or the commit was done
/// and only its reply was lost: a swap and a delta are recognised by their id, but a touch only ends the lease.
async fn take_again(
    context: Context<'_>,
    lease: &Lease,
    base: Option<&Head>,
    content: &Content,
) -> Result<bool, Failure> {
    let lease_ttl = context.definition().timing.lease_ttl;
    let begun = context.store.begin(context.cache.name(), lease.holder().clone(), lease_ttl, Due::Always).await;
    match context.store_call(begun)? {
        Begin::Go { lease: same, base: published, .. } => {
            // Nobody has checked it since either: what another host found later must not be undone. A touch undoes
            // nothing, and may itself be what has checked it.
            let is_touch = matches!(content, Content::Touch { .. });
            let seen = |head: &Head| (head.id, (!is_touch).then_some(head.checked_at));
            let is_ours = published.as_ref().map(seen) == base.map(seen);
            if !is_ours {
                release(context, same).await;
            }
            Ok(is_ours)
        }
        _ => Ok(false),
    }
}
