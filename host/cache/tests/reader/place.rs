//! Stores for the tests: a Redis server of its own, and a directory of its own.

use std::sync::Arc;

use kiwi_store::Store;
use tempfile::TempDir;

use crate::redis_server::RedisServer;

/// A new empty store, which is removed with the place.
pub(crate) trait Place {
    /// Its URL.
    fn url(&self) -> String;

    /// Another handle on it, as another process would have.
    fn open(&self) -> Arc<dyn Store> {
        kiwi_store::open(&self.url().parse().unwrap()).unwrap()
    }
}

/// A directory for the embedded store.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for Directory {
    fn url(&self) -> String {
        format!("file:{}", self.0.path().display())
    }
}

impl Place for RedisServer {
    fn url(&self) -> String {
        RedisServer::url(self)
    }
}
