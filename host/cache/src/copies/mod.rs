//! Copies on disk: what a reader has loaded, kept in a directory, so that a service starts with it while the store is away, and
//! so that all processes of a machine share one copy in memory.
//!
//! The directory of a cache holds at most one whole copy and what is being written. A file is never changed once it has its name:
//! a newer one takes its place, and whoever has the old one mapped keeps it. One process at a time loads a map and writes it, which
//! a lock on a file decides; the others wait for that file and map it.

mod copy;
mod directory;
mod file;
mod header;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kiwi_store::{Error, Head, Id, Name, Result};
use tracing::{debug, warn};

use crate::texts::Texts;
pub(crate) use copy::{Copied, CopyMode, CopySettings, ToWrite, WriteLock};
use directory::Directory;

/// The copies of one cache.
pub(crate) struct Copies {
    cache: Name,
    directory: Arc<Directory>,
    mode: CopyMode,
    /// When the copy on disk was last said to be checked.
    checked: Option<(Id, SystemTime)>,
    /// When a copy could not be written.
    failed_at: Option<Instant>,
    /// The last thing that was wrong with a copy: said once.
    warned: Option<String>,
    /// The copy that what the reader holds was loaded from, or written to.
    pub(crate) held: Option<Id>,
    /// The copy that has a value of another type, and is not tried again.
    pub(crate) unusable: Option<Id>,
    /// Since when another process is waited for, which loads a map and writes its copy.
    pub(crate) waits_since: Option<Instant>,
    /// The copy that is to be written of what was loaded.
    pub(crate) to_write: Option<ToWrite>,
}

/// How often it is written down that a copy is still what the source has.
const CHECKED_INTERVAL: Duration = Duration::from_secs(10);
/// How long a copy that could not be written is not tried again because of changes alone.
const RETRY_INTERVAL: Duration = Duration::from_secs(5 * 60);

impl Copies {
    /// Opens the directory for the copies of a cache of a store, and creates it if it is not there.
    ///
    /// # Errors
    /// It cannot be used: others can write to it, it is on a network file system, it cannot be created (`is_invalid`).
    pub(crate) fn open(settings: &CopySettings, cache: &Name, location: &str) -> Result<Self> {
        let directory = Directory::open(&settings.dir, cache, location)?;
        Ok(Self {
            cache: cache.clone(),
            directory: Arc::new(directory),
            mode: settings.mode,
            checked: None,
            failed_at: None,
            warned: None,
            held: None,
            unusable: None,
            waits_since: None,
            to_write: None,
        })
    }

    /// The id of the copy that is there, and when it was written. Its content is not looked at.
    pub(crate) async fn peek(&mut self) -> Option<(Id, SystemTime)> {
        let directory = Arc::clone(&self.directory);
        let found = self.blocking(move || directory.newest()).await??;
        Some((found.header.id, found.header.written_at()))
    }

    /// The copy that is there, proved. `None`: there is none that can be used.
    pub(crate) async fn read(&mut self) -> Option<Copied> {
        let (directory, mode) = (Arc::clone(&self.directory), self.mode);
        self.blocking(move || directory.newest()?.map(|found| found.read(mode)).transpose()).await?
    }

    /// Whether it is too early to try again what has failed: a disk that is full stays so for a while.
    pub(crate) fn rests(&self) -> bool {
        self.failed_at.is_some_and(|at| at.elapsed() < RETRY_INTERVAL)
    }

    /// The right to write the copy, if no other process has it.
    pub(crate) async fn try_lock(&mut self) -> Option<WriteLock> {
        let directory = Arc::clone(&self.directory);
        self.blocking(move || directory.try_lock()).await?
    }

    /// Writes a copy, and gives it back as it is read from there. The older one is gone then. `None`: it could not be written.
    pub(crate) async fn write(&mut self, lock: WriteLock, head: &Head, texts: Texts) -> Option<Texts> {
        let (directory, mode, head) = (Arc::clone(&self.directory), self.mode, head.clone());
        let id = head.id;
        // The lock is held until the file is written, also when nobody waits for that any more.
        let write = move || {
            let written = directory.write(&head, &texts, mode);
            drop(lock);
            written
        };
        let Some(written) = self.blocking(write).await else {
            self.failed_at = Some(Instant::now());
            return None;
        };
        self.failed_at = None;
        debug!(cache = %self.cache, %id, "a copy was written to disk");
        Some(written)
    }

    /// The copy of this snapshot, if it is there, was still what the source has at that time.
    pub(crate) async fn checked(&mut self, id: Id, at: SystemTime) {
        let is_due =
            |(of, last): (Id, SystemTime)| of != id || at.duration_since(last).is_ok_and(|age| age >= CHECKED_INTERVAL);
        if self.checked.is_none_or(is_due) {
            let directory = Arc::clone(&self.directory);
            self.blocking(move || directory.checked(id, at)).await;
            self.checked = Some((id, at));
        }
    }

    /// Does something with files in a thread that may be kept busy. What is wrong there is logged, and costs no more than the copy.
    async fn blocking<T: Send + 'static>(&mut self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Option<T> {
        let outcome = match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::unavailable(format!("a thread has failed: {error}"))),
        };
        match outcome {
            Ok(value) => {
                self.warned = None;
                Some(value)
            }
            Err(error) => {
                let message = error.to_string();
                if self.warned.as_ref() != Some(&message) {
                    warn!(cache = %self.cache, "the copy on disk is not used: {message}");
                    self.warned = Some(message);
                }
                None
            }
        }
    }
}
