//! The one thread of a process that watches the caches of a directory for new snapshots, for all of its readers.
//!
//! It looks at the number of the last transaction, which LMDB keeps in shared memory. That needs no notification by
//! the file system, and works from any process to any other.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::directory::Directory;
use super::environment::FileId;
use super::failure::Result;
use super::record::Millis;
use crate::topics::Topics;
use crate::{Error, Hint, Id, Name, Result as StoreResult, Subscription};

/// How often it looks. A look takes a few microseconds for each cache.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The watchers of this process.
static WATCHERS: Mutex<Vec<Weak<Watcher>>> = Mutex::new(Vec::new());

/// Watches the caches of one directory. Its thread ends when this is dropped.
pub(super) struct Watcher {
    directory: Arc<Directory>,
    topics: Arc<Topics<Name>>,
    /// Dropped to stop the thread. Nobody waits for it: this may be dropped in async code, and a disk may hang.
    _stop: mpsc::Sender<()>,
}

impl Watcher {
    /// The watcher of a directory, which all stores of this process that are open on it share.
    pub(super) fn of(directory: &Arc<Directory>) -> StoreResult<Arc<Self>> {
        let mut watchers = WATCHERS.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        let is_of = |watcher: &Arc<Self>| Arc::ptr_eq(&watcher.directory, directory);
        if let Some(shared) = watchers.iter().filter_map(Weak::upgrade).find(is_of) {
            return Ok(shared);
        }
        let watcher = Arc::new(Self::start(directory)?);
        watchers.push(Arc::downgrade(&watcher));
        Ok(watcher)
    }

    fn start(directory: &Arc<Directory>) -> StoreResult<Self> {
        let (stop, stopped) = mpsc::channel();
        let topics = Arc::new(Topics::new());
        let mut watch = Watch { directory: Arc::clone(directory), topics: Arc::clone(&topics), seen: HashMap::new() };
        let thread = thread::Builder::new().name("kiwi-watcher".to_owned());
        thread
            .spawn(move || {
                while stopped.recv_timeout(LOOK_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    // A panic would be a bug. It must not end the hints of all readers.
                    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| watch.look()));
                }
            })
            .map_err(|error| {
                Error::unavailable("failed to start the thread that watches for new snapshots").because(error)
            })?;
        Ok(Self { directory: Arc::clone(directory), topics, _stop: stop })
    }

    pub(super) fn subscribe(self: Arc<Self>, cache: Name) -> Subscription {
        let topics = Arc::clone(&self.topics);
        topics.subscribe(cache, self)
    }
}

/// What the thread works on.
struct Watch {
    directory: Arc<Directory>,
    topics: Arc<Topics<Name>>,
    seen: HashMap<Name, Seen>,
}

/// What was seen of a cache at the last look.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    file: FileId,
    transaction: usize,
    published: Option<Id>,
}

impl Watch {
    fn look(&mut self) {
        let caches = self.topics.subscribed();
        self.seen.retain(|cache, _| caches.contains(cache));
        for cache in caches {
            let before = self.seen.get(&cache).copied();
            // What cannot be read is reported to the readers when they poll.
            let Ok(Some(now)) = see(&self.directory, &cache, before) else { continue };
            let news = now.published.filter(|_| before.and_then(|before| before.published) != now.published);
            self.seen.insert(cache.clone(), now);
            if let Some(id) = news {
                self.topics.announce(&cache, Hint::published(id));
            }
        }
    }
}

/// Looks at one cache. Most transactions publish nothing: what is published is read only after one was committed.
fn see(directory: &Directory, cache: &Name, before: Option<Seen>) -> Result<Option<Seen>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    // In this order: a commit in between is seen again at the next look.
    let (file, transaction) = (environment.file(), environment.last_transaction());
    if let Some(before) = before
        && (before.file, before.transaction) == (file, transaction)
    {
        return Ok(Some(before));
    }
    let txn = environment.read()?;
    let published = environment.published(&txn, Millis::now())?.map(|published| published.loaded.id);
    Ok(Some(Seen { file, transaction, published }))
}
