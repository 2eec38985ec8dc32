//! A store that fails as it is told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::faults::{Fault, Faults, Method};
use crate::store::sealed::Sealed;
use crate::{
    Administration, Asks, Batch, Begin, Changes, CommitError, Committed, Due, Error, Finding, Head, Hints, Holder,
    HostReport, HostState, Id, LastError, Layout, Lease, LookUp, Name, NotCommitted, Publish, Publishing, Reading,
    Result, Status, Store, Subscription, Ttl, Whole,
};

/// Another store behind calls that fail as they are told. Clones share their faults.
#[derive(Clone, Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Arc<Faults>,
}

impl FaultyStore {
    /// A store without faults so far.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, faults: Arc::default() }
    }

    /// Makes the next call of a method fail that has no fault yet: faults queue up.
    pub fn fail_next(&self, method: Method, fault: Fault) {
        self.faults.add(method, fault);
    }

    /// How often a method was called so far.
    #[must_use]
    pub fn calls(&self, method: Method) -> usize {
        self.faults.count(method)
    }

    async fn call<T>(&self, method: Method, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.faults.next(method) {
            None => call.await,
            Some(Fault::Panic) => panic!("a test's fault: `{method:?}` panics"),
            Some(Fault::Unreachable) => Err(unavailable(method, "is not reached")),
            Some(Fault::LostReply) => {
                call.await?;
                Err(unavailable(method, "is not answered"))
            }
        }
    }
}

fn unavailable(method: Method, why: &str) -> Error {
    Error::unavailable(format!("a test's fault: the store {why} by `{method:?}`"))
}

#[async_trait]
impl Publishing for FaultyStore {
    async fn begin(&self, cache: &Name, holder: Holder, lease_ttl: Duration, due: Due) -> Result<Begin> {
        self.call(Method::Begin, self.inner.begin(cache, holder, lease_ttl, due)).await
    }

    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        self.call(Method::Renew, self.inner.renew(lease, lease_ttl)).await
    }

    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        self.call(Method::Stage, self.inner.stage(lease, batch)).await
    }

    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        self.call(Method::IsStaged, self.inner.is_staged(lease, key)).await
    }

    async fn seal(&self, lease: &Lease) -> Result<()> {
        self.call(Method::Seal, self.inner.seal(lease)).await
    }

    async fn commit(&self, lease: Lease, publish: &Publish) -> Result<Committed, NotCommitted> {
        let kept = lease.copy();
        // A refusal loses its reply as well.
        match self.call(Method::Commit, async { Ok(self.inner.commit(lease, publish).await) }).await {
            Err(error) => Err(NotCommitted { lease: kept, reason: error.into() }),
            Ok(committed) => committed,
        }
    }

    async fn restore(&self, lease: &Lease, head: &Head) -> Result<(), CommitError> {
        let mut restored = Ok(());
        self.call(Method::Restore, async {
            restored = self.inner.restore(lease, head).await;
            Ok(())
        })
        .await?;
        restored
    }

    async fn update_hash(&self, cache: &Name) -> Result<()> {
        self.call(Method::UpdateHash, self.inner.update_hash(cache)).await
    }

    async fn repack(&self, cache: &Name) -> Result<bool> {
        self.call(Method::Repack, self.inner.repack(cache)).await
    }

    async fn fail(&self, lease: Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        self.call(Method::Fail, self.inner.fail(lease, backoff, error, keep)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.call(Method::Release, self.inner.release(lease)).await
    }

    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        self.call(Method::Prolong, self.inner.prolong(cache, cache_ttl)).await
    }

    async fn report(&self, cache: &Name, report: &HostReport) -> Result<()> {
        self.call(Method::Report, self.inner.report(cache, report)).await
    }

    async fn withdraw(&self, cache: &Name, host: Id) -> Result<()> {
        self.call(Method::Withdraw, self.inner.withdraw(cache, host)).await
    }
}

#[async_trait]
impl Reading for FaultyStore {
    fn location(&self) -> &str {
        self.inner.location()
    }

    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        self.call(Method::Statuses, self.inner.statuses(caches)).await
    }

    async fn whole(&self, cache: &Name) -> Result<Option<Whole>> {
        self.call(Method::Whole, self.inner.whole(cache)).await
    }

    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        self.call(Method::Changes, self.inner.changes(cache, from)).await
    }

    async fn get(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.call(Method::Get, self.inner.get(cache, keys)).await
    }

    async fn look_up(&self, cache: &Name, keys: &[&str]) -> Result<Option<LookUp>> {
        self.call(Method::LookUp, self.inner.look_up(cache, keys)).await
    }

    async fn peek(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.call(Method::Peek, self.inner.peek(cache, keys)).await
    }
}

#[async_trait]
impl Hints for FaultyStore {
    async fn ask(&self, cache: &Name) -> Result<()> {
        self.call(Method::Ask, self.inner.ask(cache)).await
    }

    async fn asks(&self, caches: &[Name]) -> Result<Asks> {
        self.call(Method::Asks, self.inner.asks(caches)).await
    }

    async fn subscribe(&self, cache: &Name) -> Result<Subscription> {
        self.call(Method::Subscribe, self.inner.subscribe(cache)).await
    }

    async fn subscribers(&self, cache: &Name) -> Result<u64> {
        self.call(Method::Subscribers, self.inner.subscribers(cache)).await
    }
}

#[async_trait]
impl Administration for FaultyStore {
    async fn caches(&self) -> Result<Vec<Name>> {
        self.call(Method::Caches, self.inner.caches()).await
    }

    async fn hosts(&self, caches: &[Name]) -> Result<Vec<Vec<HostState>>> {
        self.call(Method::Hosts, self.inner.hosts(caches)).await
    }

    async fn forget(&self, cache: &Name) -> Result<bool> {
        self.call(Method::Forget, self.inner.forget(cache)).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.call(Method::Check, self.inner.check()).await
    }
}

impl Store for FaultyStore {
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(Self { inner: self.inner.with_layouts(layouts)?, faults: Arc::clone(&self.faults) }))
    }
}

impl Sealed for FaultyStore {}
