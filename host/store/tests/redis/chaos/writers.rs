//! Hosts: they race for the lease, pause and die, and bring along what follows a publication.

use std::sync::Arc;

use kiwi_store::Publishing;

use super::counts::Count;
use super::record::Record;
use super::snapshot::Snapshot;
use super::*;

/// A superseded version is kept for no more than twice this long, but at least ten seconds.
const REFILL_INTERVAL: Duration = Duration::from_secs(5);

/// Refills again and again with short leases, pauses longer than these, and half of a load now and then.
pub(super) async fn write(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let lease_ttl = Duration::from_millis(fastrand::u64(20..200));
        let Begin::Go { lease, base, .. } =
            store.begin(&cache, Holder::anonymous(), lease_ttl, Due::Always).await.unwrap()
        else {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
            continue;
        };
        let id = Id::random();
        let known = base.and_then(|head| Some((head.id, record.snapshot(head.id)?)));
        let (content, count) = match known {
            Some((base, _)) if fastrand::u8(..) < 20 => (Content::Touch { base }, Count::Touches),
            Some((base, from)) if fastrand::u8(..) < 225 => {
                let changes = if fastrand::u8(..) < 40 { 1_000..2_500 } else { 1..100 };
                let to = record.remember(id, from.changed(id, changes));
                let delta = from.delta(&to);
                let is_large = delta.set.len() + delta.removed.len() > 1_000;
                let (entries, bytes, root) = described(&to.batch());
                pause().await;
                let count = if is_large { Count::LargeDeltas } else { Count::Deltas };
                (Content::Delta { id, base, delta, entries, bytes, root }, count)
            }
            _ => {
                let entries = if fastrand::u8(..) < 60 { 10..600 } else { 1_300..3_500 };
                let snapshot = record.remember(id, Snapshot::fresh(id, entries)).batch();
                for part in snapshot.iter().collect::<Vec<_>>().chunks(1_000) {
                    store.stage(&lease, &part.iter().copied().collect()).await.unwrap();
                    pause().await;
                }
                if fastrand::u8(..) < 30 {
                    continue; // killed
                }
                let (entries, bytes, root) = described(&snapshot);
                let count = if bytes > 64 << 10 { Count::Swaps } else { Count::SmallMaps };
                (Content::Swap { id, entries, bytes, root }, count)
            }
        };
        match store.commit(lease, &Publish::new(content, CACHE_TTL, REFILL_INTERVAL)).await {
            Ok(_) => record.counts.add(count),
            Err(NotCommitted { lease, reason }) => {
                assert!(!matches!(reason, CommitError::Failed(_)), "{reason}");
                record.counts.add(Count::Refusals);
                store.fail(lease, Duration::from_millis(5), &failure(), CACHE_TTL).await.unwrap();
            }
        }
    }
}

/// How many entries and bytes, and the root.
fn described(map: &Batch) -> (u64, u64, Root) {
    (map.len() as u64, map.bytes() as u64, map.iter().collect())
}

async fn pause() {
    if fastrand::u8(..) < 25 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..250))).await;
    }
}

/// Brings the hash along and repacks, as hosts do after they have published; and gives up anywhere.
pub(super) async fn follow_up(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let patience = Duration::from_micros(fastrand::u64(100..60_000));
        if let Ok(followed) = tokio::time::timeout(patience, store.update_hash(&cache)).await {
            may_be_damaged(followed);
            record.counts.add(Count::Followed);
        }
        if let Ok(repacked) = tokio::time::timeout(patience * 4, store.repack(&cache)).await
            && may_be_damaged(repacked) == Some(true)
        {
            record.counts.add(Count::Repacks);
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..30))).await;
    }
}
