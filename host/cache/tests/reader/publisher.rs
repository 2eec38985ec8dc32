//! What a host does to a store, without the host.

use std::sync::Arc;
use std::time::Duration;

use kiwi_store::{Batch, Begin, Content, Delta, Due, Head, Holder, Id, Lease, Name, Publish, Push, Store, Ttl};

use crate::LONG;
use crate::place::Place;

/// Publishes snapshots of the cache `airlines`.
pub(crate) struct Publisher {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Name,
    /// What is said of how often the cache is refilled.
    pub(crate) refill_interval: Duration,
    pub(crate) push: Push,
}

impl Publisher {
    pub(crate) fn new(place: &impl Place) -> Self {
        Self { store: place.open(), cache: "airlines".parse().unwrap(), refill_interval: LONG, push: Push::Hint }
    }

    /// Publishes these entries; values are JSON text.
    pub(crate) async fn publish<K: AsRef<str>, V: AsRef<str>>(&self, entries: &[(K, V)]) -> Head {
        let (lease, _) = self.begin().await;
        let entries: Vec<_> = entries.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        let mut bytes = 0;
        for part in entries.chunks(1_000) {
            let batch: Batch = part.iter().copied().collect();
            bytes += batch.bytes() as u64;
            self.store.stage(&lease, &batch).await.unwrap();
        }
        let root = entries.iter().copied().collect();
        let swap = Content::Swap { id: Id::random(), entries: entries.len() as u64, bytes, root };
        self.commit(lease, swap).await;
        self.head().await.expect("it was just published")
    }

    /// Publishes what is there with other values for some of its keys.
    pub(crate) async fn change(&self, entries: &[(&str, &str)]) -> Head {
        let (lease, base) = self.begin().await;
        let base = base.unwrap();
        let keys: Vec<_> = entries.iter().map(|&(key, _)| key).collect();
        let old = self.store.get(&self.cache, &keys).await.unwrap().unwrap();
        let (mut bytes, mut root) = (base.bytes, base.root);
        for (&(key, new), old) in entries.iter().zip(old) {
            let old = String::from_utf8(old.unwrap().into()).unwrap();
            bytes = bytes - old.len() as u64 + new.len() as u64;
            root.remove(key, &old);
            root.add(key, new);
        }
        let delta = Delta { set: entries.iter().copied().collect(), removed: Vec::new() };
        let (id, entries) = (Id::random(), base.entries);
        self.commit(lease, Content::Delta { id, base: base.id, delta, entries, bytes, root }).await;
        self.head().await.expect("it was just published")
    }

    /// Says that what is published still stands.
    pub(crate) async fn touch(&self) {
        let (lease, base) = self.begin().await;
        self.commit(lease, Content::Touch { base: base.unwrap().id }).await;
    }

    pub(crate) async fn head(&self) -> Option<Head> {
        let status = self.store.status(&self.cache).await.unwrap();
        status.presence.whole().cloned()
    }

    async fn begin(&self) -> (Lease, Option<Head>) {
        match self.store.begin(&self.cache, Holder::anonymous(), LONG, Due::Always).await.unwrap() {
            Begin::Go { lease, base, .. } => (lease, base),
            other => panic!("expected the lease, got {other:?}"),
        }
    }

    async fn commit(&self, lease: Lease, content: Content) {
        let publish = Publish::new(content, Ttl::For(LONG), self.refill_interval).with_push(self.push);
        if self.store.commit(lease, &publish).await.unwrap().is_hash_behind {
            self.store.update_hash(&self.cache).await.unwrap();
        }
    }
}
