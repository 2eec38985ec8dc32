//! Snapshots in LMDB: no server, one directory for each cache.
//!
//! - The host writes while other processes read. A process killed at any moment leaves what was
//!   published as it was, and its lease is free at once.
//! - A directory holds one environment of LMDB (`data.mdb`, `lock.mdb`) and the files `lease` and `ask`. Its
//!   disk is used again by the next refill, and given back by `forget`.
//! - The store's clock is the system's.
//!
//! Nothing here may keep a transaction open across two calls: no page that it can see is used again.

mod ask;
mod changes;
mod check;
mod directory;
mod environment;
mod failure;
mod filesystem;
mod lease;
mod publish;
mod read;
mod record;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::directory::Directory;
use self::lease::{Asking, Failing, Locks};
use crate::store::sealed::Sealed;
use crate::{
    Administration, Asks, Batch, Begin, Changes, Chunk, Commit, Due, Error, Finding, Hints, Id, LastError, Layout,
    Lease, Name, Publish, Publishing, Reading, Result, Scan, Status, Store, Token, Ttl,
};

/// The embedded store: a directory on a local disk.
#[derive(Clone, Debug)]
pub struct Embedded {
    location: String,
    directory: Arc<Directory>,
    locks: Arc<Locks>,
}

impl Embedded {
    /// Opens the store in a directory, which is made (for this user alone) if it is not there.
    /// Several may be open on one directory, in one process or in many.
    ///
    /// # Errors
    /// The directory cannot be made, or lies on a network file system.
    pub fn open(dir: &Path) -> Result<Self> {
        let directory = Directory::open(dir).map_err(|failure| failure.explain(dir))?;
        let location = format!("file:{}", directory.path().display());
        Ok(Self { location, directory, locks: Arc::default() })
    }

    /// Runs something of one cache that waits for the disk, or for another process that writes.
    async fn on_disk<T: Send + 'static>(
        &self,
        cache: &Name,
        work: impl FnOnce(&Directory, &Locks) -> failure::Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = cache.clone();
        self.blocking(move |directory, locks| {
            work(directory, locks).map_err(|failure| {
                if failure.needs_reopening() {
                    directory.close(&name);
                }
                failure.explain(&directory.of(&name)).of(&name)
            })
        })
        .await
    }

    /// Runs something where it holds up nobody. It runs to its end even if nobody waits for it any
    /// more.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory, &Locks) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (directory, locks) = (Arc::clone(&self.directory), Arc::clone(&self.locks));
        match tokio::task::spawn_blocking(move || work(&directory, &locks)).await {
            Ok(done) => done,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::unavailable("the embedded store: this program is shutting down")),
            },
        }
    }
}

#[async_trait]
impl Publishing for Embedded {
    async fn begin(&self, cache: &Name, token: Token, lease_ttl: Duration, due: Due) -> Result<Begin> {
        let asking = Asking { cache: cache.clone(), token, lease_ttl, due };
        self.on_disk(cache, move |directory, locks| lease::begin(directory, locks, asking)).await
    }

    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        let renewed = lease.clone();
        self.on_disk(&lease.cache, move |directory, locks| lease::renew(directory, locks, &renewed, lease_ttl)).await
    }

    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let (owner, batch) = (lease.clone(), batch.clone());
        self.on_disk(&lease.cache, move |directory, _| publish::stage(directory, &owner, &batch)).await
    }

    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        let (owner, key) = (lease.clone(), key.to_owned());
        self.on_disk(&lease.cache, move |directory, _| publish::is_staged(directory, &owner, &key)).await
    }

    async fn commit(&self, lease: &Lease, publish: &Publish) -> Result<Commit> {
        let (owner, publish) = (lease.clone(), publish.clone());
        self.on_disk(&lease.cache, move |directory, locks| publish::commit(directory, locks, &owner, &publish)).await
    }

    async fn fail(&self, lease: &Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        let (failed, failing) = (lease.clone(), Failing { backoff, error: error.clone(), keep });
        self.on_disk(&lease.cache, move |directory, locks| lease::fail(directory, locks, &failed, &failing)).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let released = lease.clone();
        self.on_disk(&lease.cache, move |directory, locks| lease::release(directory, locks, &released)).await
    }

    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| publish::prolong(directory, &name, cache_ttl)).await
    }
}

#[async_trait]
impl Reading for Embedded {
    fn location(&self) -> &str {
        &self.location
    }

    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for cache in caches {
            let name = cache.clone();
            statuses.push(self.on_disk(cache, move |directory, _| read::status(directory, &name)).await);
        }
        Ok(statuses)
    }

    async fn scan(&self, cache: &Name, scan: Scan) -> Result<Chunk> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| read::scan(directory, &name, &scan)).await
    }

    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| read::changes(directory, &name, from)).await
    }

    async fn get(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        let name = cache.clone();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.on_disk(cache, move |directory, _| read::get(directory, &name, &keys)).await
    }
}

#[async_trait]
impl Hints for Embedded {
    async fn ask(&self, cache: &Name) -> Result<()> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| ask::ask(directory, &name)).await
    }

    async fn asks(&self, caches: &[Name]) -> Result<Asks> {
        let (directory, caches) = (Arc::clone(&self.directory), caches.to_vec());
        self.blocking(move |_, _| Ok(ask::asks(directory, caches))).await
    }
}

#[async_trait]
impl Administration for Embedded {
    async fn caches(&self) -> Result<Vec<Name>> {
        let mut names = self
            .blocking(|directory, _| directory.names().map_err(|failure| failure.explain(directory.path())))
            .await?;
        let statuses = self.statuses(&names).await?;
        let mut statuses = statuses.iter();
        // An environment stays when a refill was given up, or when what it published has expired.
        names.retain(|_| statuses.next().is_some_and(|status| !status.as_ref().is_ok_and(read::is_nothing)));
        Ok(names)
    }

    async fn forget(&self, cache: &Name) -> Result<bool> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| directory.delete(&name)).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.blocking(|directory, _| Ok(check::check(directory))).await
    }
}

impl Store for Embedded {
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>> {
        match layouts.iter().find(|(_, layout)| *layout != Layout::Hash) {
            None => Ok(Arc::new(self.clone())),
            Some((cache, layout)) => Err(Error::invalid(format!(
                "the layout `{}` is for Redis, where kiwi-cache reads it: leave it out, or use another store than {}",
                layout.as_str(),
                self.location
            ))
            .of(cache)),
        }
    }
}

impl Sealed for Embedded {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Delta};
    use crate::{Presence, Root};

    #[tokio::test]
    async fn a_map_that_misses_an_entry_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        let cache: Name = "airlines".parse().unwrap();
        let map: Batch = [("FR", "1"), ("LH", "2")].into_iter().collect();
        let id = Id::random();
        let swap = Content::Swap { id, entries: 2, bytes: 6, root: map.iter().collect::<Root>() };
        refill(&store, &cache, &map, swap).await;

        let environment = store.directory.find(&cache).unwrap().unwrap();
        let mut txn = environment.write().unwrap();
        let slot = environment.whole(&txn, record::Millis::now()).unwrap().unwrap().loaded.slot;
        environment.data(slot).delete(&mut txn, "FR").unwrap();
        txn.commit().unwrap();

        let status = store.status(&cache).await.unwrap();
        assert!(matches!(status.presence, Presence::Lost(head) if head.id == id));
        assert_eq!(store.get(&cache, &["LH"]).await.unwrap(), None);
        assert!(store.scan(&cache, Scan::Whole).await.unwrap().head.is_none());
        assert_eq!(store.changes(&cache, id).await.unwrap(), None);

        let lease = begin(&store, &cache, Due::After(Duration::from_secs(60))).await;
        let delta =
            Content::Delta { id: Id::random(), base: id, delta: Delta::default(), bytes: 6, root: Root::default() };
        for content in [Content::Touch { base: id }, delta] {
            assert_eq!(store.commit(&lease, &publish(content)).await.unwrap(), Commit::Lost);
        }
        store.release(&lease).await.unwrap();
        let swap = Content::Swap { id: Id::random(), entries: 2, bytes: 6, root: map.iter().collect::<Root>() };
        refill(&store, &cache, &map, swap).await;
        assert!(store.get(&cache, &["FR"]).await.unwrap().is_some());
    }

    async fn begin(store: &Embedded, cache: &Name, due: Due) -> Lease {
        match store.begin(cache, Token::random(), Duration::from_secs(60), due).await.unwrap() {
            Begin::Go { lease, base: None } => lease,
            other => panic!("expected the lease of a cache that is not whole, got {other:?}"),
        }
    }

    async fn refill(store: &Embedded, cache: &Name, map: &Batch, swap: Content) {
        let lease = begin(store, cache, Due::Always).await;
        store.stage(&lease, map).await.unwrap();
        assert_eq!(store.commit(&lease, &publish(swap)).await.unwrap(), Commit::Done);
    }

    fn publish(content: Content) -> Publish {
        Publish { mark: None, cache_ttl: Ttl::Forever, refill_interval: Duration::from_secs(60), seq_after: 0, content }
    }
}
