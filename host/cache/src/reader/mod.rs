//! The readers: store -> snapshot -> the service.
//!
//! A read touches memory only; a reload task, which each reader owns, looks at the store every
//! `reload_ttl`. Nothing here writes to a store, names one of the two stores' libraries, or knows
//! of hosts and loaders.

mod address;
pub mod blocking;
mod builder;
mod cache;
mod entry;
mod freshness;
mod load;
mod local;
mod missing;
mod reload;
mod remote;
mod snapshot;

pub use address::Address;
pub use builder::{Builder, Reader};
pub use cache::Cache;
pub use entry::Ref;
pub use freshness::State;
pub use remote::RemoteCache;
pub use snapshot::{Iter, Snapshot};
