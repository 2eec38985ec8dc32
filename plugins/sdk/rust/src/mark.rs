//! How a loader tells that its source has not changed.
//!
//! A mark is what an earlier load left with its snapshot: an ETag, a modification time, a change number.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use kiwi_loader::{Error, Load, mark};
//!
//! # fn change_number() -> Result<String, Error> { Ok(String::new()) }
//! # fn rows() -> Result<BTreeMap<String, f64>, Error> { Ok(BTreeMap::new()) }
//! fn load_from_source() -> Result<Load<BTreeMap<String, f64>>, Error> {
//!     let now = change_number()?;
//!     if mark::published().as_ref() == Some(&now) {
//!         return Ok(Load::Unchanged);
//!     }
//!     mark::set(&now);
//!     Ok(Load::Entries(rows()?))
//! }
//! ```

use crate::bindings;

/// The mark committed with what is published now. `None`: nothing is published, or another build of the loader or
/// other settings published it, so everything is to be loaded.
pub fn published() -> Option<String> {
    bindings::mark::published()
}

/// Leaves a mark, at most 4 KiB, to be committed in the same step as this load. The last call wins; a load that does
/// not set a mark leaves none.
pub fn set(mark: &str) {
    bindings::mark::set(mark);
}
