//! The secrets of one load: each is read once, and removed from what the load says.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::scrub::Scrubber;
use super::secret::Secret;
use crate::config::secret_source::SecretSource;
use crate::entries::progress::{Progress, Waiting};
use crate::failure::{Failure, FailureKind};

/// The secrets that one load has read. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct LoadSecrets(Arc<Shared>);

struct Shared {
    readers: SecretReaders,
    /// Says what the load waits for.
    progress: Arc<Progress>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    secrets: Vec<(SecretSource, Secret)>,
    /// What kept the last request from being sent with its secrets.
    problem: Option<Failure>,
    scrubber: Scrubber,
}

/// What limits a cache to one thread that reads a secret: a file system may hang, and nobody can interrupt it. Cheap to
/// clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct SecretReaders(Arc<Semaphore>);

impl Default for SecretReaders {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl SecretReaders {
    async fn read(&self, source: &SecretSource) -> Result<Secret, Failure> {
        let SecretSource::File(_) = source else { return Secret::read(source) };
        let failed =
            |why: &dyn fmt::Display| Failure::new(FailureKind::Internal, format!("{source} was not read: {why}"));
        let place = self.0.clone().acquire_owned().await.map_err(|closed| failed(&closed))?;
        let (read, reading) = oneshot::channel();
        let of_thread = source.clone();
        let work = move || {
            // Held until the thread ends, which may be after its load, and after the runtime.
            let _place = place;
            // A load that has ended does not wait for it.
            let _ = read.send(Secret::read(&of_thread));
        };
        thread::Builder::new().name("kiwi-secret".into()).spawn(work).map_err(|error| failed(&error))?;
        reading.await.map_err(|panic| failed(&panic))?
    }
}

impl LoadSecrets {
    /// No secret is read yet.
    pub(crate) fn new(readers: SecretReaders, progress: Arc<Progress>) -> Self {
        Self(Arc::new(Shared { readers, progress, known: Mutex::default() }))
    }

    /// A secret as it is when the load asks for it for the first time. `what` says which one it is, for messages.
    ///
    /// # Errors
    /// It cannot be read: as [`Secret::read`].
    pub(crate) async fn read(&self, what: &str, source: &SecretSource) -> Result<Secret, Failure> {
        let read = self.read_url(what, source).await?;
        self.note(&read);
        Ok(read)
    }

    /// As `read`, for a URL with a password in it. It is not removed from texts, because messages name its host: `note` its
    /// password.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) async fn read_url(&self, what: &str, source: &SecretSource) -> Result<Secret, Failure> {
        let known = self.known().secrets.iter().find(|(known, _)| known == source).map(|(_, secret)| secret.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let waiting = Waiting::World(format!("{what}, which is read from {source}").into());
        let read = self.0.progress.waiting_for(waiting, self.0.readers.read(source)).await;
        let read =
            read.map_err(|failure| Failure { message: format!("cannot read {what}: {}", failure.message), ..failure });
        if let Ok(secret) = &read {
            self.known().secrets.push((source.clone(), secret.clone()));
        }
        read
    }

    /// Removes this one from what the load says: one that was read, was made of others, or comes from elsewhere.
    pub(crate) fn note(&self, secret: &Secret) {
        self.known().scrubber.add(secret);
    }

    /// Keeps what kept a request from being sent with its secrets, or that nothing did.
    pub(crate) fn set_problem(&self, problem: Option<Failure>) {
        self.known().problem = problem;
    }

    /// What kept the last request from being sent with its secrets. Not every guest passes it on.
    pub(crate) fn problem(&self) -> Option<Failure> {
        self.known().problem.clone()
    }

    /// A text without these secrets.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.known().scrubber.scrub(text)
    }

    /// As `scrub`, for a text that was cut out of a longer one.
    pub(crate) fn scrub_part<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.known().scrubber.scrub_part(text)
    }

    /// A failure without these secrets.
    pub(crate) fn scrub_failure(&self, failure: Failure) -> Failure {
        let scrub = |text: String| self.scrub(&text).into_owned();
        Failure { message: scrub(failure.message), detail: failure.detail.map(scrub), ..failure }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A poisoned lock is fine here: each change is complete by itself.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LoadSecrets {
    fn default() -> Self {
        Self::new(SecretReaders::default(), Arc::default())
    }
}

impl fmt::Debug for LoadSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoadSecrets")
    }
}
