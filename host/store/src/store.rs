//! A whole store: all roles of one place where snapshots live.

use std::fmt::Debug;
use std::sync::Arc;

use crate::{Administration, Hints, Layout, Name, Publishing, Reading, Result};

/// A place where snapshots live, in all its roles. See the [crate] for what it promises.
///
/// Every error names the cache it is about. A store that cannot be reached, or does not answer in
/// time, gives `is_unavailable`; nothing is retried here beyond reconnecting.
///
/// Only this crate implements it, so that it may gain methods.
pub trait Store: Reading + Publishing + Hints + Administration + Debug + sealed::Sealed {
    /// The same store, over the same connection, with the layouts of these caches. A cache without one
    /// here is a hash, unless what a host has published says otherwise.
    ///
    /// # Errors
    /// The store does not have such a layout (`is_invalid`).
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>>;
}

pub(crate) mod sealed {
    /// Keeps other crates from implementing [`Store`](super::Store).
    pub trait Sealed {}
}
