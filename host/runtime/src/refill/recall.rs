//! What is known of the map that is published, before a load is compared with it: what this host remembers, or else what
//! the store still has.

use kiwi_store::{Head, Part, Root};
use tokio::task::JoinSet;

use super::context::Context;
use super::plan::takes_deltas;
use crate::config::limits::Limits;
use crate::entries::check;
use crate::entries::fingerprints::{Fingerprint, Fingerprints, Hash};

/// How many parts are unpacked at the same time.
const THREADS: usize = 2;

/// For how many entries memory is reserved before any was read: the store's figure may be wrong.
const MAX_RESERVED_ENTRIES: u64 = 4 << 20;

/// What is known of the map that is published.
pub(super) enum Recalled {
    Known(Fingerprints),
    /// Nothing is published, or it cannot be compared with.
    Unknown,
    /// It cannot be read: readers cannot read it either, so it must not be found unchanged.
    Damaged,
}

/// Recalls what is known of the map that is published.
pub(super) async fn recall(context: Context<'_>, base: Option<&Head>, base_is_ours: bool) -> Recalled {
    let limits = context.definition().limits();
    match (context.standing().memory.recall(base, limits), base) {
        (Some(known), _) => Recalled::Known(known),
        (None, Some(base)) if takes_deltas(&context.definition().config) => {
            let checks = Checks { limits: limits.clone(), is_json: base_is_ours };
            // The lease is not renewed meanwhile.
            let time = context.definition().timing.lease_ttl / 3;
            match tokio::time::timeout(time, read_back(context, base, &checks)).await {
                Ok(Ok(recalled)) => recalled,
                Ok(Err(error)) if error.is_missing() || error.is_value() => Recalled::Damaged,
                _ => Recalled::Unknown,
            }
        }
        (None, _) => Recalled::Unknown,
    }
}

/// How the values that are read back are checked: a load that gives the same ones does not check them.
#[derive(Clone)]
struct Checks {
    limits: Limits,
    /// Whether they are known to be JSON: hosts of the same definition have checked that. Their limits may have been others.
    is_json: bool,
}

impl Checks {
    fn pass(&self, key: &str, value: &str) -> bool {
        let is_small = check::check_size(key, value, &self.limits).is_ok();
        let check_value = if self.is_json { check::check_depth } else { check::check_value };
        is_small && check_value(key, value, &self.limits).is_ok()
    }
}

/// Reads the map that is published.
async fn read_back(context: Context<'_>, base: &Head, checks: &Checks) -> kiwi_store::Result<Recalled> {
    let Some(mut whole) = context.events.store_call(context.store.whole(context.cache.name()).await)? else {
        return Ok(Recalled::Damaged);
    };
    if whole.head().id != base.id {
        return Ok(Recalled::Unknown);
    }
    let mut table = Fingerprints::of_version(base.entries.min(MAX_RESERVED_ENTRIES) as usize);
    let mut root = Root::default();
    let mut reading = JoinSet::new();
    loop {
        let next = if reading.len() < THREADS { whole.next().await } else { None };
        match next {
            Some(part) => {
                let (part, checks, hash) = (part?, checks.clone(), table.hash());
                reading.spawn_blocking(move || fingerprints(part, &checks, &hash));
            }
            None => {
                let Some(read) = reading.join_next().await else { break };
                let Ok(read) = read else { return Ok(Recalled::Unknown) };
                let Some((of_part, fingerprints)) = read? else { return Ok(Recalled::Unknown) };
                root.add_part(of_part);
                table.give_all(fingerprints).for_each(drop);
            }
        }
    }
    // Two keys that share a hash are one entry of the table.
    if !whole.is_proven_by(root, table.len() as u64) {
        return Ok(if root == whole.head().root { Recalled::Unknown } else { Recalled::Damaged });
    }
    Ok(if table.settle() { Recalled::Known(table) } else { Recalled::Unknown })
}

/// The fingerprints of a part. `None`: one of its values is beyond a limit of this host.
fn fingerprints(part: Part, checks: &Checks, hash: &Hash) -> kiwi_store::Result<Option<(Root, Vec<Fingerprint>)>> {
    let (mut fingerprints, mut passes) = (Vec::new(), true);
    let root = part.for_each(|key, value| {
        passes = passes && checks.pass(key, value);
        fingerprints.push(hash.of(key, value));
    })?;
    Ok(passes.then_some((root, fingerprints)))
}
