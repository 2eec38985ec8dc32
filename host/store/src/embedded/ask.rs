//! Readers that find nothing ask for it: the time of a file in the cache's directory, which hosts watch.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};

use super::directory::Directory;
use super::failure::Result;
use crate::Asks;
use crate::Name;

/// Beside the environment's own files.
pub(super) const ASK_FILE: &str = "ask";

/// How often a host looks at the files.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn ask(directory: &Directory, cache: &Name) -> Result<()> {
    match File::options().write(true).create(true).truncate(false).open(directory.of(cache).join(ASK_FILE)) {
        // No host has ever begun with this cache: one that begins now loads it without being asked.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        file => Ok(file?.set_modified(SystemTime::now())?),
    }
}

pub(super) fn asks(directory: Arc<Directory>, caches: Vec<Name>) -> Asks {
    let mut listening = Listening { asked_at: vec![None; caches.len()], directory, caches, heard: Vec::new() };
    listening.look();
    // Asked before anybody listened.
    listening.heard.clear();
    stream::unfold(listening, Listening::next).boxed()
}

/// What a host has heard of so far.
struct Listening {
    directory: Arc<Directory>,
    caches: Vec<Name>,
    /// When each was asked for last, as its file says.
    asked_at: Vec<Option<SystemTime>>,
    /// To be told.
    heard: Vec<Name>,
}

impl Listening {
    async fn next(mut self) -> Option<(Name, Self)> {
        loop {
            if let Some(name) = self.heard.pop() {
                return Some((name, self));
            }
            tokio::time::sleep(LOOK).await;
            let looking = tokio::task::spawn_blocking(move || {
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
            // A file that is not there, or not readable, says nothing.
            let now = file.and_then(|file| file.modified()).ok();
            if now.is_some() && now != *asked_at {
                self.heard.push(cache.clone());
            }
            *asked_at = now;
        }
    }
}
