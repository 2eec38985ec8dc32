//! The connections of all caches of a host: bounded, so that loaders leave enough file descriptors for the store.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::{Failure, FailureKind};

/// Idle connections that are kept to one origin, for one cache.
pub(super) const IDLE_PER_ORIGIN: usize = 2;
/// How long an idle connection is kept.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The origins that one cache keeps connections to.
const ORIGINS_PER_CACHE: usize = 16;

/// What all caches of a host share: the connections that are in use, and those that wait for their next use. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_in_use: usize,
    in_use: Arc<Semaphore>,
    max_origins: usize,
    next_cache: AtomicU64,
    origins: Mutex<Origins>,
}

/// A client for each cache and origin. Dropping one closes its idle connections.
#[derive(Debug, Default)]
struct Origins {
    clients: HashMap<(CacheId, String), Client>,
    uses: u64,
}

#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    last_use: u64,
}

/// A cache, among those that share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheId(u64);

impl Connections {
    /// As many as leave a process that may open this many files at least half of them: an eighth for connections in use
    /// (each of which takes two while it is being made), and an eighth for idle ones.
    pub(crate) fn for_open_files(max_files: u64) -> Self {
        let eighth = usize::try_from(max_files / 8).unwrap_or(usize::MAX);
        Self::new(eighth.clamp(16, 4096), (eighth / IDLE_PER_ORIGIN).clamp(8, 1024))
    }

    pub(super) fn new(max_in_use: usize, max_origins: usize) -> Self {
        let (next_cache, origins) = (AtomicU64::default(), Mutex::default());
        let in_use = Arc::new(Semaphore::new(max_in_use));
        Self(Arc::new(Shared { max_in_use, in_use, max_origins, next_cache, origins }))
    }

    pub(super) fn new_cache(&self) -> CacheId {
        CacheId(self.0.next_cache.fetch_add(1, Ordering::Relaxed))
    }

    /// The right to have one more connection in use, for as long as it is held.
    ///
    /// # Errors
    /// `Unavailable`: all are in use, and none became free in time.
    pub(super) async fn place(&self, timeout: Duration) -> Result<OwnedSemaphorePermit, Failure> {
        match tokio::time::timeout(timeout, self.0.in_use.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Failure::new(
                FailureKind::Unavailable,
                format!(
                    "too many connections: the loaders of this host have {} HTTP requests open, as many as its limit on \
                     open files allows, and none ended within {timeout:?}; raise that limit (`ulimit -n`, or \
                     `LimitNOFILE` in systemd), or lower `max_loads` or `limits.open_responses`",
                    self.0.max_in_use
                ),
            )),
        }
    }

    /// The client that keeps a cache's connections to an origin, made by `make` when there is none.
    pub(super) fn client(
        &self,
        cache: CacheId,
        origin: &str,
        make: impl FnOnce() -> Result<reqwest::Client, Failure>,
    ) -> Result<reqwest::Client, Failure> {
        let key = (cache, origin.to_owned());
        if let Some(known) = self.origins().known(&key) {
            return Ok(known);
        }
        // Other caches do not wait while it is made.
        let client = make()?;
        let mut origins = self.origins();
        if let Some(known) = origins.known(&key) {
            return Ok(known);
        }
        if origins.clients.keys().filter(|(other, _)| *other == cache).count() >= ORIGINS_PER_CACHE {
            origins.drop_oldest(|other| other == cache);
        }
        if origins.clients.len() >= self.0.max_origins {
            origins.drop_oldest(|_| true);
        }
        let last_use = origins.uses;
        origins.clients.insert(key, Client { client: client.clone(), last_use });
        Ok(client)
    }

    /// Closes what a cache has kept.
    pub(super) fn forget(&self, cache: CacheId) {
        self.origins().clients.retain(|(other, _), _| *other != cache);
    }

    fn origins(&self) -> MutexGuard<'_, Origins> {
        // A poisoned lock is fine here: each change is complete by itself.
        self.0.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origins {
    /// The client that is there, which is used now.
    fn known(&mut self, key: &(CacheId, String)) -> Option<reqwest::Client> {
        self.uses += 1;
        let known = self.clients.get_mut(key)?;
        known.last_use = self.uses;
        Some(known.client.clone())
    }

    /// Drops the client that was not used for the longest time.
    fn drop_oldest(&mut self, of: impl Fn(CacheId) -> bool) {
        let candidates = self.clients.iter().filter(|((cache, _), _)| of(*cache));
        let oldest = candidates.min_by_key(|(_, client)| client.last_use).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.clients.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(connections: &Connections, cache: CacheId) -> Vec<String> {
        let origins = connections.origins();
        let mut names: Vec<_> = origins.clients.keys().filter(|key| key.0 == cache).map(|key| key.1.clone()).collect();
        names.sort();
        names
    }

    fn visit(connections: &Connections, cache: CacheId, origin: &str) {
        let make = || {
            let tls = kiwi_tls::TlsOptions::client_config_without_trust().unwrap();
            Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap())
        };
        connections.client(cache, origin, make).unwrap();
    }

    #[test]
    fn the_origin_used_last_is_kept() {
        let connections = Connections::new(1, 3);
        let (first, second) = (connections.new_cache(), connections.new_cache());
        for origin in ["a", "b", "c", "a"] {
            visit(&connections, first, origin);
        }
        visit(&connections, second, "a");
        assert_eq!(origins(&connections, first), ["a", "c"]);
        assert_eq!(origins(&connections, second), ["a"]);
        connections.forget(first);
        assert!(origins(&connections, first).is_empty());
        assert_eq!(origins(&connections, second), ["a"]);
    }

    #[test]
    fn one_cache_does_not_take_all_places() {
        let connections = Connections::new(1, 1000);
        let (greedy, modest) = (connections.new_cache(), connections.new_cache());
        visit(&connections, modest, "a");
        for number in 0..100 {
            visit(&connections, greedy, &number.to_string());
        }
        assert_eq!(origins(&connections, greedy).len(), ORIGINS_PER_CACHE);
        assert_eq!(origins(&connections, modest), ["a"]);
    }

    #[test]
    fn half_of_the_files_are_left_for_others() {
        for (files, in_use, origins) in [(256, 32, 16), (1024, 128, 64), (20_000, 2500, 1024), (u64::MAX, 4096, 1024)] {
            let Connections(shared) = Connections::for_open_files(files);
            assert_eq!((shared.max_in_use, shared.max_origins), (in_use, origins));
            assert!(((2 * in_use + IDLE_PER_ORIGIN * origins) as u64) <= files / 2);
        }
    }

    #[tokio::test]
    async fn a_request_waits_for_a_connection_and_then_says_so() {
        let connections = Connections::new(1, 1);
        let held = connections.place(Duration::ZERO).await.unwrap();
        let failure = connections.place(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.message.starts_with("too many connections"), "{failure}");
        drop(held);
        assert!(connections.place(Duration::from_millis(20)).await.is_ok());
    }
}
