//! Snapshots in LMDB: no server, one directory for each cache.
//!
//! - The host writes while other processes read. A process killed at any moment leaves what was
//!   published as it was, and its lease is free at once.
//! - A directory holds one environment of LMDB (`data.mdb`, `lock.mdb`) and the files `lease` and `ask`. Its
//!   disk space is reused by the next refill, and freed by `forget`.
//! - The store's clock is the system's.
//!
//! Nothing here may keep a transaction open across two calls: no page that it can see is reused.

mod administration;
mod changes;
mod check;
mod directory;
mod environment;
mod failure;
mod failures;
mod hints;
mod hosts;
mod lease;
mod publish;
mod publishing;
mod reading;
mod record;
mod store;
mod threads;
mod watcher;
mod whole;

pub use store::Embedded;
