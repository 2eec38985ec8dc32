//! A store in a directory of its own, and hosts that publish to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kiwi_host::{AskedTiming, CacheConfig, Grants, Host, Outcome, PluginError, Settings};
use kiwi_store::testing::read_whole;
use kiwi_store::{Head, Name, Presence, Status, Store};
use serde_json::Value;
use tempfile::TempDir;

use super::{Server, plugin};
use crate::redis_server::RedisServer;

/// A store of a test's own, gone with it.
pub(crate) struct Setup {
    directory: TempDir,
    pub(crate) store: Arc<dyn Store>,
}

/// A cache's name.
pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A cache that runs a component with these settings, an object.
pub(crate) fn cache(name: &str, plugin: PathBuf, settings: Value) -> CacheConfig {
    CacheConfig { settings: Settings::new(settings).unwrap(), ..CacheConfig::new(name.parse().unwrap(), plugin) }
}

/// A cache that gets a JSON object from a server, which it may.
pub(crate) fn fetched(name: &str, server: &Server) -> CacheConfig {
    let grants = Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() };
    CacheConfig { grants, ..cache(name, plugin("http"), serde_json::json!({ "url": server.url("/") })) }
}

/// A refill at this interval.
pub(crate) fn every(refill_interval: Duration) -> AskedTiming {
    AskedTiming {
        reload_ttl: Some(refill_interval),
        cache_ttl: Some(kiwi_store::Ttl::Forever),
        ..AskedTiming::default()
    }
}

impl Setup {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("file:{}", directory.path().join("store").display());
        Self::in_store(directory, &url)
    }

    /// On a Redis instead of the embedded store.
    pub(crate) fn on(redis: &RedisServer) -> Self {
        Self::in_store(tempfile::tempdir().unwrap(), &redis.url())
    }

    fn in_store(directory: TempDir, url: &str) -> Self {
        super::log::keep();
        Self { directory, store: kiwi_store::open(&url.parse().unwrap()).unwrap() }
    }

    /// A directory for whatever a test needs.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A host that publishes here, its plugins compiled once for all tests.
    pub(crate) fn builder(&self) -> kiwi_host::Builder {
        Host::builder(self.store.clone()).compile_cache(concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled")).max_loads(4)
    }

    /// A host that runs all these caches.
    ///
    /// # Panics
    /// One of them is skipped.
    pub(crate) async fn host(&self, caches: impl IntoIterator<Item = CacheConfig>) -> Host {
        let (host, skipped) = self.builder().caches(caches).build().await.unwrap();
        assert!(skipped.is_empty(), "{skipped:?}");
        host
    }

    /// Why this cache does not run.
    ///
    /// # Panics
    /// It does.
    pub(crate) async fn refusal(&self, cache: CacheConfig) -> PluginError {
        let name = cache.name.clone();
        let (host, mut skipped) = self.builder().caches([cache]).build().await.unwrap();
        assert_eq!((host.instances().len(), skipped.len()), (0, 1), "{skipped:?}");
        let skipped = skipped.remove(0);
        assert_eq!(skipped.cache, name);
        skipped.error
    }

    /// Loads this one cache once, in a host of its own.
    pub(crate) async fn refill(&self, cache: CacheConfig) -> Outcome {
        let name = cache.name.clone();
        refill(&self.host([cache]).await, &name).await
    }

    pub(crate) async fn status(&self, cache: &Name) -> Status {
        self.store.status(cache).await.unwrap()
    }

    /// The head of what is published, which must be there.
    pub(crate) async fn head(&self, cache: &Name) -> Head {
        match self.status(cache).await.presence {
            Presence::Whole(head) => head,
            other => panic!("expected a whole snapshot of {cache}, got {other:?}"),
        }
    }

    /// Whether nothing is published.
    pub(crate) async fn is_missing(&self, cache: &Name) -> bool {
        self.status(cache).await.presence == Presence::Missing
    }

    /// One value as it is stored, which must be there.
    pub(crate) async fn text(&self, cache: &Name, key: &str) -> String {
        let values = self.store.get(cache, &[key]).await.unwrap().expect("it is published");
        String::from_utf8(values[0].clone().expect("the key is there").to_vec()).unwrap()
    }

    /// Everything published, which must be there.
    pub(crate) async fn published(&self, cache: &Name) -> BTreeMap<String, Value> {
        let (_, entries) = read_whole(&*self.store, cache).await.unwrap().expect("it is published");
        entries.iter().map(|(key, value)| (key.to_owned(), serde_json::from_str(value).unwrap())).collect()
    }

    /// Everything published, as it is stored, which must be there.
    pub(crate) async fn published_texts(&self, cache: &Name) -> BTreeMap<String, String> {
        let (_, entries) = read_whole(&*self.store, cache).await.unwrap().expect("it is published");
        entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

/// Loads a cache of a host once, whatever its schedule says.
pub(crate) async fn refill(host: &Host, cache: &Name) -> Outcome {
    host.refill(cache).await.expect("the host runs this cache")
}
