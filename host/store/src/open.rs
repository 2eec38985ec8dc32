//! From a URL to the store it names.

use std::sync::Arc;

#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::{Result, Store, StoreUrl};

/// Opens the store that a URL names: `redis://`, `rediss://`, `redis+unix:///PATH` or `file:DIR`.
///
/// Opening does not connect: a Redis that cannot be reached shows in the first call.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let text = format!("file:{}", dir.path().display());
/// let store = kiwi_store::open(&text.parse()?)?; // text: "file:.kiwi"
/// assert!(store.location().starts_with("file:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The directory cannot be made or is on a network file system; a file that the URL names cannot be read.
pub fn open(url: &StoreUrl) -> Result<Arc<dyn Store>> {
    match *url {
        #[cfg(feature = "redis")]
        StoreUrl::Redis(ref options) => Ok(Arc::new(Redis::open(options)?)),
        #[cfg(feature = "embedded")]
        StoreUrl::Embedded(ref dir) => Ok(Arc::new(Embedded::open(dir)?)),
    }
}
