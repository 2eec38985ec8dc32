//! For tests only, and not stable: a store that fails as it is told, a lease that is kept beyond its end, and what stands
//! in Redis, unpacked.
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

#[cfg(feature = "redis")]
use crate::Delta;
use crate::{Batch, Error, Head, Lease, Name, Result, Root, Store};

/// All of what is published, in memory, if it proves to be all of it. `None`: missing or lost.
///
/// # Errors
/// The store fails, or gives something else than what the head describes.
pub async fn read_whole(store: &dyn Store, cache: &Name) -> Result<Option<(Head, Batch)>> {
    let Some(mut whole) = store.whole(cache).await? else { return Ok(None) };
    let (mut entries, mut root) = (Batch::default(), Root::default());
    while let Some(part) = whole.next().await {
        let (batch, of_part) = part?.unpack()?;
        assert_eq!(batch.iter().collect::<Root>(), of_part, "the root of a part is that of its entries");
        root.add_part(of_part);
        entries.extend(&batch);
    }
    if !whole.is_proven_by(root, entries.len() as u64) {
        return Err(Error::value(format!("{} of {} entries, or other ones", entries.len(), whole.head().entries)));
    }
    Ok(Some((whole.head().clone(), entries)))
}

/// The entries of a chunk, as it stands in Redis.
///
/// # Errors
/// It is damaged, or of a newer format.
#[cfg(feature = "redis")]
pub fn read_chunk(packed: Vec<u8>) -> Result<Batch> {
    crate::chunk::unpack(&packed.into()).map(|(entries, _)| entries)
}

/// A delta, as it stands in Redis.
///
/// # Errors
/// It is damaged, or of a newer format.
#[cfg(feature = "redis")]
pub fn read_delta(packed: Vec<u8>) -> Result<Delta> {
    Delta::unpack(&crate::frame::unpack(&packed.into())?)
}

/// The same lease once more, for a test of what its holder may still do after it has ended it.
pub fn same_lease(lease: &Lease) -> Lease {
    lease.copy()
}
