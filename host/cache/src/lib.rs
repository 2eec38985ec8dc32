//! Reference data that kiwi-host keeps warm, read dict-like from memory.
//!
//! A host publishes one *snapshot* after another of a named *cache* into a store (Redis, or an
//! embedded one); this crate is what a service links to read them. It knows nothing of loaders or
//! WebAssembly.
//!
//! ```no_run
//! # async fn example() -> Result<(), kiwi_cache::Error> {
//! use kiwi_cache::Cache;
//!
//! #[derive(serde::Deserialize)]
//! struct Airline {
//!     name: String,
//! }
//!
//! let airlines: Cache<Airline> = Cache::connect("redis://127.0.0.1:6379", "airlines").await?;
//! if let Some(airline) = airlines.get("FR")? {
//!     println!("{}", airline.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Data flows one way: store -> snapshot -> reader. [`store`] holds both stores behind one trait.
//! The readers:
//!
//! - [`Cache`], for async services: reads are from memory, and a background task keeps the copy up to date.
//!   [`Cache::fixed`] needs no store, for unit tests.
//! - [`blocking::Cache`], the same for code without a runtime, or inside one.
//! - [`RemoteCache`] and [`blocking::RemoteCache`], without a copy: each read is a request to the store.
//!
//! A `Cache` holds one whole [`Snapshot`] at a time, and replaces it only by another whole one. While the store,
//! the host or the source is away, the last snapshot is served: see [`State`] and [`Cache::age`].

mod address;
mod attempts;
mod base;
pub mod blocking;
mod builder;
mod cache;
mod changes;
mod copied;
mod copies;
mod deltas;
mod entries;
mod failure;
mod feed;
mod found;
mod freshness;
mod held;
mod hints;
mod load;
mod local;
mod metrics;
mod part;
mod polling;
mod read_through;
mod reference;
mod refill;
mod reload;
mod remote;
mod remote_source;
mod retired;
mod settings;
mod snapshot;
mod source;
mod spread;
mod stored;
mod table;
mod text;
mod texts;
mod upkeep;

pub use address::Address;
pub use attempts::Attempts;
pub use builder::{Builder, HoldsCopy, Reader};
pub use cache::Cache;
pub use changes::Changes;
pub use entries::Iter;
pub use feed::{Changed, ChangedKeys, Keys};
pub use found::Found;
pub use freshness::State;
pub use kiwi_store as store;
pub use kiwi_store::{Error, ErrorKind, Id, Name, Result, Ttl};
pub use metrics::{Loaded, ReaderEvent, ReaderMetrics};
pub use reference::{MappedRef, Ref};
pub use refill::Refill;
pub use remote::RemoteCache;
pub use snapshot::Snapshot;
pub use stored::{Stored, Value};
pub use text::{KeptText, SnapshotText};

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
