//! Putting back what the store has lost while the source is away: an embedding program still has it, in
//! the memory of its reader.

use kiwi_cache::SnapshotText;
use kiwi_store::{Begin, Commit, Content, Due, Lease, Publish, Token};

use crate::metrics::Status;
use crate::refill::Attempt;

impl Attempt<'_> {
    /// Publishes the copy that this program holds, as old as it is, where nothing is published any more.
    /// Gives the lease that the failure of the load is to be told with, if it is another one now.
    pub(crate) async fn put_back(&self) -> Option<Lease> {
        let copy = self.cache.kept_text.get().filter(|_| self.base.is_none())?;
        // What the load has staged stands in the way.
        self.give_back().await;
        let lease_ttl = self.cache.timing.lease_ttl;
        let begun = self.store.begin(&self.cache.name, Token::random(), lease_ttl, Due::Always).await;
        let Ok(Begin::Go { lease, base }) = self.store_call(begun) else { return None };
        if base.is_none() {
            match self.restore(&lease, &copy).await {
                Ok(Commit::Done) => {
                    self.metrics.count(self.cache, Status::Success);
                    tracing::warn!(
                        cache = %self.cache.name, seq = copy.head.seq, entries = copy.head.entries,
                        "the store had lost it and it cannot be loaded: this program's copy is published again"
                    );
                }
                Ok(other) => tracing::debug!(cache = %self.cache.name, "the copy was not put back: {other:?}"),
                Err(error) => tracing::warn!(cache = %self.cache.name, "the copy could not be put back: {error}"),
            }
        }
        Some(lease)
    }

    async fn restore(&self, lease: &Lease, copy: &SnapshotText) -> kiwi_store::Result<Commit> {
        for batch in copy.entries.iter() {
            self.store_call(self.store.stage(lease, batch).await)?;
        }
        let timing = &self.cache.timing;
        let publish = Publish {
            mark: copy.head.mark.clone(),
            cache_ttl: timing.cache_ttl,
            refill_interval: timing.refill_interval,
            seq_after: 0,
            content: Content::Restore { head: Box::new(copy.head.clone()) },
        };
        self.store_call(self.store.commit(lease, &publish).await)
    }
}
