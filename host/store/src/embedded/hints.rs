//! The hints: readers that find nothing set the time of a file in the cache's directory, which hosts watch; and readers
//! watch the number of the last transaction.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::stream;

use super::directory::{ASK_FILE, Directory};
use super::failure::Result;
use super::store::Embedded;
use super::threads::Threads;
use super::watcher::Watcher;
use crate::{Asks, Hints, Name, Result as StoreResult, Subscription};

/// How often a host looks at the files.
const LOOK: Duration = Duration::from_millis(200);

#[async_trait]
impl Hints for Embedded {
    async fn ask(&self, cache: &Name) -> StoreResult<()> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| ask(directory, &name)).await
    }

    async fn asks(&self, caches: &[Name]) -> StoreResult<Asks> {
        let (directory, threads, caches) = (Arc::clone(&self.directory), Arc::clone(&self.threads), caches.to_vec());
        self.blocking(move |_, _| Ok(asks(directory, threads, caches))).await
    }

    async fn subscribe(&self, cache: &Name) -> StoreResult<Subscription> {
        let watcher = Watcher::of(&self.directory).map_err(|error| error.of(cache))?;
        Ok(watcher.subscribe(cache.clone()))
    }

    async fn subscribers(&self, _cache: &Name) -> StoreResult<u64> {
        Ok(1)
    }
}

fn ask(directory: &Directory, cache: &Name) -> Result<()> {
    match File::options().write(true).create(true).truncate(false).open(directory.of(cache).join(ASK_FILE)) {
        // No host has refilled this cache yet: one that starts now loads it without being asked.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        file => Ok(file?.set_modified(SystemTime::now())?),
    }
}

fn asks(directory: Arc<Directory>, threads: Arc<Threads>, caches: Vec<Name>) -> Asks {
    let asked_at = vec![None; caches.len()];
    let mut listening = Listening { directory, threads, caches, asked_at, heard: Vec::new() };
    listening.look();
    // These asked before this host listened.
    listening.heard.clear();
    Asks::new(stream::unfold(listening, Listening::next))
}

/// What a host has heard so far.
struct Listening {
    directory: Arc<Directory>,
    threads: Arc<Threads>,
    caches: Vec<Name>,
    /// When each was asked for last, as its file says.
    asked_at: Vec<Option<SystemTime>>,
    /// Those that `next` has yet to give.
    heard: Vec<Name>,
}

impl Listening {
    async fn next(mut self) -> Option<(Name, Self)> {
        loop {
            if let Some(name) = self.heard.pop() {
                return Some((name, self));
            }
            tokio::time::sleep(LOOK).await;
            let threads = Arc::clone(&self.threads);
            let looking = threads.spawn(move || {
                self.look();
                self
            });
            // It fails only where the program is shutting down.
            self = looking.await.ok()?;
        }
    }

    fn look(&mut self) {
        for (cache, asked_at) in self.caches.iter().zip(&mut self.asked_at) {
            let file = fs::metadata(self.directory.of(cache).join(ASK_FILE));
            // A file that does not exist, or cannot be read, says nothing.
            let now = file.and_then(|file| file.modified()).ok();
            if now.is_some() && now != *asked_at {
                self.heard.push(cache.clone());
            }
            *asked_at = now;
        }
    }
}
