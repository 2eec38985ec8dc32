//! The readers: store -> snapshot -> the service.
//!
//! A read touches memory only; a reload task, which each reader owns, looks at the store every
//! `reload_ttl`. Only `get_or_refill` waits, and only where there is nothing to serve. Nothing here
//! writes to a store, names one of the two stores' libraries, or knows
//! of hosts and loaders.

mod address;
mod attempts;
pub mod blocking;
mod builder;
mod cache;
mod entries;
mod entry;
mod follow;
mod freshness;
mod load;
mod local;
mod missing;
mod read_through;
mod reload;
mod remote;
mod snapshot;
mod table;
mod text;
mod upkeep;

pub use address::Address;
pub use builder::{Builder, Reader};
pub use cache::Cache;
pub use entries::Iter;
pub use entry::Ref;
pub use freshness::State;
pub use read_through::Refill;
pub use remote::RemoteCache;
pub use snapshot::Snapshot;
pub use text::{KeptText, SnapshotText};
