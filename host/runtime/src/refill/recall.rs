//! What is known of the map that is published, before a load is compared with it: what this host remembers, or else what
//! the store still has.

use kiwi_store::{Batch, Head, Part, Root};
use tokio::task::JoinSet;

use super::context::Context;
use super::plan::takes_deltas;
use crate::config::limits::Limits;
use crate::entries::check;
use crate::entries::fingerprints::{Fingerprint, Fingerprints, Hash};

/// How many parts are unpacked at the same time.
const THREADS: usize = 2;

/// The fingerprints of what is published. `None`: nothing is, or it cannot be compared with.
pub(super) async fn recall(context: Context<'_>, base: Option<&Head>) -> Option<Fingerprints> {
    let limits = context.definition().limits();
    match (context.standing().memory.recall(base, limits), base) {
        (None, Some(base)) if takes_deltas(&context.definition().config) => {
            // As often as the lease is renewed, a load without it would lose it: so it is given up before.
            let time = context.definition().timing.lease_ttl / 3;
            tokio::time::timeout(time, read_back(context, base, limits)).await.ok().flatten()
        }
        (recalled, _) => recalled,
    }
}

/// Reads the map that is published. This host did not check its values, so they are checked now: a load that gives the same
/// ones does not.
async fn read_back(context: Context<'_>, base: &Head, limits: &Limits) -> Option<Fingerprints> {
    let mut whole = context.events.store_call(context.store.whole(context.cache.name()).await).ok()??;
    if whole.head().id != base.id {
        return None;
    }
    let mut table = Fingerprints::default();
    let (mut root, mut entries) = (Root::default(), 0);
    let mut reading = JoinSet::new();
    loop {
        let next = if reading.len() < THREADS { whole.next().await } else { None };
        match next {
            Some(part) => {
                let (part, limits, hash) = (part.ok()?, limits.clone(), table.hash());
                reading.spawn_blocking(move || fingerprints(part, &limits, &hash));
            }
            None => {
                let Some(read) = reading.join_next().await else { break };
                let (of_part, fingerprints) = read.ok()??;
                root.add_part(of_part);
                entries += fingerprints.len() as u64;
                table.give_all(fingerprints).for_each(drop);
            }
        }
    }
    (whole.is_proven_by(root, entries) && table.settle()).then_some(table)
}

fn fingerprints(part: Part, limits: &Limits, hash: &Hash) -> Option<(Root, Vec<Fingerprint>)> {
    let (batch, root): (Batch, Root) = part.unpack().ok()?;
    let fingerprint = |(key, value): (&str, &str)| {
        check::check_size(key, value, limits).ok()?;
        check::check_value(key, value, limits).ok()?;
        Some(hash.of(key, value))
    };
    Some((root, batch.iter().map(fingerprint).collect::<Option<_>>()?))
}
