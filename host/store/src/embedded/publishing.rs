//! The publishing role: each step runs on a thread that may wait for the disk.

use std::time::Duration;

use async_trait::async_trait;

use super::failures::FailedLoad;
use super::hosts;
use super::lease::{self, Asking, Held};
use super::publish;
use super::store::Embedded;
use crate::{
    Batch, Begin, CommitError, Committed, Due, Head, Holder, HostReport, Id, LastError, Lease, Name, NotCommitted,
    Publish, Publishing, Result, Ttl,
};

#[async_trait]
impl Publishing for Embedded {
    async fn begin(&self, cache: &Name, holder: Holder, lease_ttl: Duration, due: Due) -> Result<Begin> {
        let asking = Asking { cache: cache.clone(), holder, lease_ttl, due };
        self.on_disk(cache, move |directory, locks| lease::begin(directory, locks, asking)).await
    }

    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        let holder = Held::of(lease);
        self.on_disk(lease.cache(), move |directory, locks| lease::renew(directory, locks, &holder, lease_ttl)).await
    }

    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let (holder, batch) = (Held::of(lease), batch.clone());
        self.on_disk(lease.cache(), move |directory, _| publish::stage(directory, &holder, &batch)).await
    }

    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        let (holder, key) = (Held::of(lease), key.to_owned());
        self.on_disk(lease.cache(), move |directory, _| publish::is_staged(directory, &holder, &key)).await
    }

    /// What is staged is in the other table already.
    async fn seal(&self, _: &Lease) -> Result<()> {
        Ok(())
    }

    async fn commit(&self, lease: Lease, publish: &Publish) -> Result<Committed, NotCommitted> {
        let (holder, publish) = (Held::of(&lease), publish.clone());
        let committing = move |directory: &_, locks: &_| publish::commit(directory, locks, &holder, &publish);
        let committed = self.on_disk(lease.cache(), committing).await;
        let committed = committed.map_err(CommitError::from).flatten();
        match committed {
            Ok(()) => Ok(Committed { is_hash_behind: false, is_log_long: false }),
            Err(reason) => Err(NotCommitted { lease, reason }),
        }
    }

    async fn restore(&self, lease: &Lease, head: &Head) -> Result<(), CommitError> {
        let (holder, head) = (Held::of(lease), head.clone());
        self.on_disk(lease.cache(), move |directory, _| publish::restore(directory, &holder, &head)).await?
    }

    /// There is no hash: a read of one entry is as quick as any.
    async fn update_hash(&self, _: &Name) -> Result<()> {
        Ok(())
    }

    /// The entries stand as they are, and not as deltas over others.
    async fn repack(&self, _: &Name) -> Result<bool> {
        Ok(false)
    }

    async fn fail(&self, lease: Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        let host = lease.holder().host.clone();
        let (holder, failing) = (Held::of(&lease), FailedLoad { backoff, error: error.clone(), host, keep });
        self.on_disk(lease.cache(), move |directory, locks| lease::fail(directory, locks, &holder, &failing)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        let holder = Held::of(&lease);
        self.on_disk(lease.cache(), move |directory, locks| lease::release(directory, locks, &holder)).await
    }

    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| publish::prolong(directory, &name, cache_ttl)).await
    }

    async fn report(&self, cache: &Name, report: &HostReport) -> Result<()> {
        let (name, report) = (cache.clone(), report.clone());
        self.on_disk(cache, move |directory, _| hosts::report(directory, &name, report)).await
    }

    async fn withdraw(&self, cache: &Name, host: Id) -> Result<()> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| hosts::withdraw(directory, &name, host)).await
    }
}
