//! Publishes changes of a map straight into the store, as a host does once its loader has ended: so its commit can be timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kiwi_store::{
    Begin, Committed, Content, Delta, Due, HashState, Head, Holder, Id, Lease, Name, Publish, Push, Root, Store, Ttl,
};

use crate::map::Map;
use crate::refiller::CACHE;

const LEASE_TTL: Duration = Duration::from_secs(60);
const REFILL_INTERVAL: Duration = Duration::from_secs(3600);

/// Changes the values of always the same keys, spread evenly over the map.
pub(crate) struct Changer {
    store: Arc<dyn Store>,
    cache: Name,
    /// How many entries the map has.
    entries: u32,
    /// How many of them it changes.
    keys: u32,
    /// What the announcement of a change carries.
    push: Push,
    generation: u32,
    /// The keys, with their values in that generation.
    current: Vec<(String, String)>,
}

/// A change that is ready to be published.
pub(crate) struct Change {
    delta: Delta,
    /// What it adds to the root of the map.
    root: Root,
}

impl Changer {
    /// Of the map of `Source::of(entries)` in its first generation, which is published already.
    pub(crate) fn new(url: &str, entries: u32, keys: u32) -> Result<Self> {
        let (store, cache) = (kiwi_store::open(&url.parse()?)?, CACHE.parse()?);
        Ok(Self { store, cache, entries, keys, push: Push::Hint, generation: 0, current: some(entries, keys, 0) })
    }

    /// The same with announcements that carry the change itself.
    pub(crate) fn pushing(self) -> Self {
        Self { push: Push::Delta, ..self }
    }

    /// The generation of the change that was made last.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes the next change.
    pub(crate) fn make(&mut self) -> Change {
        self.generation += 1;
        let next = some(self.entries, self.keys, self.generation);
        let mut root = Root::default();
        self.current.iter().for_each(|(key, value)| root.remove(key, value));
        next.iter().for_each(|(key, value)| root.add(key, value));
        let set = next.iter().map(|(key, value)| (&**key, &**value)).collect();
        self.current = next;
        Change { delta: Delta { set, removed: Vec::new() }, root }
    }

    /// Takes the lease.
    pub(crate) async fn begin(&self) -> Result<(Lease, Head)> {
        match self.store.begin(&self.cache, Holder::anonymous(), LEASE_TTL, Due::Always).await? {
            Begin::Go { lease, base, .. } => Ok((lease, base.context("a map is published")?)),
            begun => bail!("expected the lease, got {begun:?}"),
        }
    }

    /// Commits a change as a delta. Returns the time of the commit: it packs the delta, sends it, and waits for the reply.
    pub(crate) async fn commit(&self, lease: Lease, base: &Head, change: Change) -> Result<(Duration, Committed)> {
        let Change { delta, root: added } = change;
        let mut root = base.root;
        root.add_part(added);
        // The values of all generations have the same length.
        let (entries, bytes) = (base.entries, base.bytes);
        let content = Content::Delta { id: Id::random(), base: base.id, delta, entries, bytes, root };
        let publish = Publish::new(content, Ttl::Forever, REFILL_INTERVAL).with_push(self.push);
        let started = Instant::now();
        let committed = self.store.commit(lease, &publish).await?;
        Ok((started.elapsed(), committed))
    }

    /// Brings the hash up to what was committed. Returns the time of that.
    pub(crate) async fn bring_hash_along(&self, committed: Committed) -> Result<Duration> {
        let started = Instant::now();
        if committed.is_hash_behind {
            self.store.update_hash(&self.cache).await?;
        }
        Ok(started.elapsed())
    }

    /// Checks that the hash shows what is published, and packs the log if the commit said that it has become long.
    pub(crate) async fn tidy(&self, committed: Committed) -> Result<()> {
        let hash = self.store.status(&self.cache).await?.hash;
        ensure!(hash == HashState::Current, "the hash is {hash:?} after a change");
        if committed.is_log_long {
            self.store.repack(&self.cache).await?;
        }
        Ok(())
    }
}

/// So many of the map's entries, from the first one on.
fn some(entries: u32, keys: u32, generation: u32) -> Vec<(String, String)> {
    let map = Map { entries, changed: 100.0, generation };
    map.entries().step_by((entries / keys) as usize).take(keys as usize).collect()
}
