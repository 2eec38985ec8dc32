//! A whole store: all roles of one place where snapshots live.

use std::sync::Arc;

use crate::embedded::Embedded;
use crate::redis::Redis;
use crate::{Administration, Hints, Layout, Name, Publishing, Reading, Result, StoreUrl};

/// Opens the store that a URL names: `redis://`, `rediss://`, `redis+unix:///PATH` or `file:DIR`.
///
/// Opening does not connect: a Redis that is away shows in the first call.
///
/// # Errors
/// The URL is none of these (`is_invalid`); the directory cannot be made or is on a network file
/// system.
pub fn open(url: &StoreUrl) -> Result<Arc<dyn Store>> {
    match url {
        StoreUrl::Redis(options) => Ok(Arc::new(Redis::open(options)?)),
        StoreUrl::Embedded(dir) => Ok(Arc::new(Embedded::open(dir)?)),
    }
}

/// A place where snapshots live, in all its roles. See the [crate](crate) for what it promises.
///
/// Every error names the cache it is about. A store that cannot be reached, or does not answer in
/// time, gives `is_unavailable`; nothing is retried here beyond reconnecting.
///
/// Only this crate implements it, so that it may gain methods.
pub trait Store: Reading + Publishing + Hints + Administration + std::fmt::Debug + sealed::Sealed {
    /// The same store, over the same connection, which knows in what layout these caches stand. Those
    /// that are not named are hashes, unless what a host has published says otherwise.
    ///
    /// # Errors
    /// The store does not have such a layout (`is_invalid`).
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>>;
}

pub(crate) mod sealed {
    /// Keeps other crates from implementing [`Store`](super::Store).
    pub trait Sealed {}
}
