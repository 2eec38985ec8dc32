//! For tests only, and not stable: a store that fails as it is told, and a lease that is kept beyond its end.
//!
//! ```
//! # use std::time::Duration;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let store = kiwi_store::open(&format!("file:{}", dir.path().display()).parse()?)?;
//! use kiwi_store::testing::{Fault, FaultyStore, Method};
//! use kiwi_store::{Administration, Reading};
//!
//! let faulty = FaultyStore::new(store);
//! faulty.fail_next(Method::Caches, Fault::Unreachable);
//! assert!(faulty.caches().await.unwrap_err().is_unavailable());
//! assert!(faulty.caches().await?.is_empty());
//! # Ok(())
//! # }
//! ```

mod faults;
mod faulty_store;

pub use faults::{Fault, Method};
pub use faulty_store::FaultyStore;

use crate::Lease;

/// The same lease once more, for a test of what its holder may still do after it has ended it.
pub fn same_lease(lease: &Lease) -> Lease {
    lease.copy()
}
