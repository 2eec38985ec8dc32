//! Brings into the store what a plan needs there before it can be committed.

use kiwi_store::{Content, Delta, Head, Id, Lease};

use super::context::Context;
use super::delivery::{Delivery, stage_spool};
use super::plan::{Action, Plan};
use crate::entries::intake::Totals;
use crate::failure::Failure;

/// Everything is in the store that will be published.
pub(super) struct Staged {
    pub(super) content: Content,
    pub(super) mark: Option<String>,
    /// What a new snapshot holds; `None` where nothing changed.
    pub(super) totals: Option<Totals>,
}

/// Carries out a plan up to its commit.
///
/// # Errors
/// The store or the spool fails.
pub(super) async fn stage(
    context: Context<'_>,
    lease: &Lease,
    delivery: &Delivery,
    plan: Plan,
) -> Result<Staged, Failure> {
    let Plan { action, mark } = plan;
    let (rest, totals) = match action {
        Action::Touch { base } => {
            return Ok(Staged { content: Content::Touch { base: base.id }, mark, totals: None });
        }
        Action::Change { base, set, removed, max_bytes, whole, totals } => {
            let Totals { entries, bytes, root } = totals;
            let removed = find_removed(context, delivery, &base, removed).await?;
            let delta = removed.map(|removed| Delta { set, removed });
            // Keys that are removed count as well.
            if let Some(delta) = delta.filter(|delta| delta.max_packed_bytes() <= max_bytes) {
                let content = Content::Delta { id: Id::random(), base: base.id, delta, entries, bytes, root };
                return Ok(Staged { content, mark, totals: Some(totals) });
            }
            (Some(whole), totals)
        }
        Action::Replace { rest, totals } => (rest, totals),
    };
    if let Some(rest) = rest {
        stage_spool(context, lease, rest).await?;
    }
    // Here, where the lease is renewed meanwhile.
    context.store_call(context.store.seal(lease).await)?;
    let Totals { entries, bytes, root } = totals;
    let content = Content::Swap { id: Id::random(), entries, bytes, root };
    Ok(Staged { content, mark, totals: Some(totals) })
}

/// The keys that the base has and the load did not give: only their number is remembered, so the published map is
/// searched for them. `None`: something else is published by now, or some of it cannot be read.
async fn find_removed(
    context: Context<'_>,
    delivery: &Delivery,
    base: &Head,
    count: usize,
) -> Result<Option<Vec<String>>, Failure> {
    let mut removed = Vec::new();
    if count == 0 {
        return Ok(Some(removed));
    }
    let whole = context.store_call(context.store.whole(context.cache.name()).await)?;
    let Some(mut whole) = whole.filter(|whole| whole.head().id == base.id) else { return Ok(None) };
    while let Some(part) = whole.next().await {
        // In a thread that may be kept busy: the lease is renewed meanwhile.
        let unpacked = tokio::task::spawn_blocking(move || part.and_then(kiwi_store::Part::unpack)).await;
        let Ok(Ok((batch, _))) = unpacked else { return Ok(None) };
        removed.extend(delivery.removed_among(batch.iter().map(|(key, _)| key)));
    }
    Ok((removed.len() == count).then_some(removed))
}
