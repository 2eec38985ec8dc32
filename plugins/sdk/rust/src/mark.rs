//! The mark, by which a loader knows that its source has not changed.
//!
//! A mark is what an earlier load left with its snapshot: an ETag, a modification time, a change number.
//!
//! ```
//! use std::collections::BTreeMap;
//! use kiwi_loader::{Error, Load, mark, testing};
//!
//! # fn change_number() -> Result<String, Error> { Ok("7".into()) }
//! # fn rows() -> Result<BTreeMap<String, f64>, Error> { Ok(BTreeMap::new()) }
//! fn load_from_source() -> Result<Load<BTreeMap<String, f64>>, Error> {
//!     let now = change_number()?;
//!     if mark::published().as_ref() == Some(&now) {
//!         return Ok(Load::Unchanged);
//!     }
//!     mark::set(&now);
//!     Ok(Load::Entries(rows()?))
//! }
//!
//! let host = testing::Host::new();
//! assert!(!host.load(load_from_source)?.is_unchanged());
//! assert!(host.load(load_from_source)?.is_unchanged());
//! # Ok::<(), Error>(())
//! ```

use crate::host;

/// The mark committed with what is published now. `None`: nothing is published, or another build of the loader or
/// other settings published it, so everything must be loaded.
pub fn published() -> Option<String> {
    host::mark::published()
}

/// Leaves a mark, at most 4 KiB, to be committed in the same step as this load. The last call wins. A load that
/// succeeds without setting a mark clears it.
pub fn set(mark: &str) {
    host::mark::set(mark);
}
