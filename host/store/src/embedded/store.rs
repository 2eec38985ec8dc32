//! The embedded store itself: a directory, and the leases held through it. Its roles are in files of their own.

use std::path::Path;
use std::sync::Arc;

use super::directory::Directory;
use super::failure;
use super::lease::Locks;
use super::threads::Threads;
use crate::store::sealed::Sealed;
use crate::{Error, Layout, Name, Result, Store};

/// The embedded store: a directory on a local disk.
#[derive(Clone, Debug)]
pub struct Embedded {
    pub(super) location: String,
    pub(super) directory: Arc<Directory>,
    locks: Arc<Locks>,
    pub(super) threads: Arc<Threads>,
}

impl Embedded {
    /// Opens the store in a directory, which is created (for this user alone) if there is none.
    /// Several may be open on one directory, in one process or in many.
    ///
    /// # Errors
    /// The directory cannot be created, or is on a network file system.
    pub fn open(dir: &Path) -> Result<Self> {
        let directory = Directory::open(dir).map_err(|failure| failure.explain(dir))?;
        let threads = Threads::new()
            .map_err(|error| Error::unavailable("the embedded store cannot start its threads").because(error))?;
        let location = format!("file:{}", directory.path().display());
        Ok(Self { location, directory, locks: Arc::default(), threads: Arc::new(threads) })
    }

    /// Runs work on one cache that waits for the disk, or for another process that writes.
    pub(super) async fn on_disk<T: Send + 'static>(
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

    /// Runs work on a thread of the store's own, which may block. It runs to its end even if its caller has stopped waiting.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory, &Locks) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (directory, locks) = (Arc::clone(&self.directory), Arc::clone(&self.locks));
        match self.threads.spawn(move || work(&directory, &locks)).await {
            Ok(done) => done,
            Err(stopped) => match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::unavailable("the embedded store is closed: this program is shutting down")),
            },
        }
    }
}

impl Store for Embedded {
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>> {
        match layouts.iter().find(|(_, layout)| !matches!(layout, Layout::Hash | Layout::Version)) {
            None => Ok(Arc::new(self.clone())),
            Some((cache, layout)) => Err(Error::invalid(format!(
                "the layout `{}` is for Redis, where kiwi-cache reads it: remove it, or use another store than {}",
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
    use std::time::Duration;

    use super::super::record::Millis;
    use super::*;
    use crate::{
        Batch, Begin, CommitError, Content, Delta, Due, Holder, Id, Lease, NotCommitted, Presence, Publish, Publishing,
        Reading, Root, Ttl,
    };

    #[tokio::test]
    async fn a_map_that_lacks_an_entry_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        let cache: Name = "airlines".parse().unwrap();
        let map: Batch = [("FR", "1"), ("LH", "2")].into_iter().collect();
        let id = Id::random();
        let swap = Content::Swap { id, entries: 2, bytes: 6, root: map.iter().collect::<Root>() };
        refill(&store, &cache, &map, swap).await;

        let environment = store.directory.find(&cache).unwrap().unwrap();
        let mut txn = environment.write().unwrap();
        let slot = environment.whole(&txn, Millis::now()).unwrap().unwrap().loaded.slot;
        environment.data(slot).delete(&mut txn, "FR").unwrap();
        txn.commit().unwrap();

        let status = store.status(&cache).await.unwrap();
        assert!(matches!(status.presence, Presence::Lost(head) if head.id == id));
        assert_eq!(store.get(&cache, &["LH"]).await.unwrap(), None);
        assert!(store.whole(&cache).await.unwrap().is_none());
        assert_eq!(store.changes(&cache, id).await.unwrap(), None);

        let mut lease = begin(&store, &cache, Due::After(Duration::from_secs(60))).await;
        let delta = Content::Delta {
            id: Id::random(),
            base: id,
            delta: Delta::default(),
            entries: 2,
            bytes: 6,
            root: Root::default(),
        };
        for content in [Content::Touch { base: id }, delta] {
            match store.commit(lease, &publish(content)).await {
                Err(NotCommitted { lease: back, reason: CommitError::Lost }) => lease = back,
                other => panic!("expected Lost, got {other:?}"),
            }
        }
        store.release(lease).await.unwrap();
        let swap = Content::Swap { id: Id::random(), entries: 2, bytes: 6, root: map.iter().collect::<Root>() };
        refill(&store, &cache, &map, swap).await;
        assert!(store.get(&cache, &["FR"]).await.unwrap().is_some());
    }

    async fn begin(store: &Embedded, cache: &Name, due: Due) -> Lease {
        match store.begin(cache, Holder::anonymous(), Duration::from_secs(60), due).await.unwrap() {
            Begin::Go { lease, base: None, .. } => lease,
            other => panic!("expected the lease of a cache that is not whole, got {other:?}"),
        }
    }

    async fn refill(store: &Embedded, cache: &Name, map: &Batch, swap: Content) {
        let lease = begin(store, cache, Due::Always).await;
        store.stage(&lease, map).await.unwrap();
        store.commit(lease, &publish(swap)).await.unwrap();
    }

    fn publish(content: Content) -> Publish {
        Publish::new(content, Ttl::Forever, Duration::from_secs(60))
    }
}
