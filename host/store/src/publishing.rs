//! Publishing: a refill, from taking the lease to what ends it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Batch, Begin, CommitError, Committed, Due, Head, Holder, HostReport, Id, LastError, Lease, Name, NotCommitted,
    Publish, Result, Ttl,
};

/// What a host does with a store: it refills caches.
///
/// ```no_run
/// # async fn refill(store: &dyn kiwi_store::Store) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use kiwi_store::{Batch, Begin, Content, Due, Holder, Id, Name, Publish, Ttl};
///
/// let (cache, lease_ttl): (Name, _) = ("airlines".parse()?, Duration::from_secs(30));
/// if let Begin::Go { lease, .. } = store.begin(&cache, Holder::anonymous(), lease_ttl, Due::Always).await? {
///     let entries: Batch = [("FR", r#""Ryanair""#), ("LH", r#""Lufthansa""#)].into_iter().collect();
///     store.stage(&lease, &entries).await?;
///     let (bytes, root) = (entries.bytes() as u64, entries.iter().collect());
///     let swap = Content::Swap { id: Id::random(), entries: 2, bytes, root };
///     let publish = Publish::new(swap, Ttl::Forever, Duration::from_secs(600));
///     if let Err(refused) = store.commit(lease, &publish).await {
///         println!("nothing was published: {refused}");
///         store.release(refused.lease).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Takes the lease of a cache if it is due by the store's clock and no other host holds it, and
    /// drops whatever the holder before had staged.
    ///
    /// Safe to repeat with the same holder: that takes the same lease again, with what it has staged in the
    /// store, unless kiwi-cache's lock, where the layout has one, was lost. The lease that was given first
    /// stays the one to use: the staged part of a record is in it.
    async fn begin(&self, cache: &Name, holder: Holder, lease_ttl: Duration, due: Due) -> Result<Begin>;

    /// Makes a lease expire `lease_ttl` from now. `false`: another host has taken it.
    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool>;

    /// Adds entries to what this lease has staged, invisible to readers. A key is staged once: a store may refuse the commit
    /// otherwise.
    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()>;

    /// Whether a key was staged by this lease. For confirming a suspected duplicate: slow.
    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool>;

    /// Brings to the store what of the staged entries is not there yet, so that only the commit is left. A commit does the
    /// same where it was not done; but while a lot is sent, the lease is to be renewed.
    async fn seal(&self, lease: &Lease) -> Result<()>;

    /// Publishes in one atomic step, notifies readers, forgets the failures of the lease's definition, and those of
    /// its host under another one, and ends the lease.
    ///
    /// Safe to repeat with the lease in the error when the reply was lost: a swap or delta that is already
    /// published is `Ok`, and so is a touch of what is published while the lease is ours.
    ///
    /// # Errors
    /// Nothing was published, or the reply was lost; the lease comes back.
    async fn commit(&self, lease: Lease, publish: &Publish) -> Result<Committed, NotCommitted>;

    /// Publishes what was staged as a copy of a snapshot that the store has lost: under its id, and as old
    /// as its head says. The lease stays, and so does the last error, because the load itself has failed.
    ///
    /// The head is published as it is given: its `cache_ttl` and `refill_interval` apply from now on.
    ///
    /// # Errors
    /// Nothing was published: `Moved` if any snapshot is there.
    async fn restore(&self, lease: &Lease, head: &Head) -> Result<(), CommitError>;

    /// Brings the plain hash, which any client can read, up to what is published: see [`Status::hash`](crate::Status::hash).
    /// Needs no lease, because nothing new is published; several hosts may do it at the same time, and it may be
    /// interrupted anywhere. Nothing is done where the hash is current, or the layout has none.
    async fn update_hash(&self, cache: &Name) -> Result<()>;

    /// Writes the map that is published as one whole again, so that readers have no deltas to load with it: a commit says
    /// when these have become long. Needs no lease. `false`: there are none, or something else was published meanwhile.
    async fn repack(&self, cache: &Name) -> Result<bool>;

    /// Ends the lease after a failed load, drops what was staged, counts the failure and keeps the error for
    /// `status` (for `keep`, when nothing is published), and makes every host of the same definition leave the
    /// source alone for `backoff`. Changes nothing if another host has taken the lease.
    async fn fail(&self, lease: Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()>;

    /// Ends the lease without a publication, and drops what was staged.
    async fn release(&self, lease: Lease) -> Result<()>;

    /// Extends the life of what is published to at least `cache_ttl` from now; never shortens it.
    /// Needs no lease and no memory. `false`: nothing is published.
    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool>;

    /// Tells every machine that a host is there for a cache, and what keeps it from loading it. To be repeated every
    /// [`REPORT_INTERVAL`](crate::REPORT_INTERVAL).
    async fn report(&self, cache: &Name, report: &HostReport) -> Result<()>;

    /// Withdraws what a host reported: it does not run the cache any more.
    async fn withdraw(&self, cache: &Name, host: Id) -> Result<()>;
}
