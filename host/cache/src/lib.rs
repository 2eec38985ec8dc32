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
//! - [`Cache`], for async services: reads are from memory, and a task of its own keeps the copy up to
//!   date. [`Cache::fixed`] is one without a store, for unit tests.
//! - [`blocking::Cache`], the same for code without a runtime, or inside one.
//! - [`RemoteCache`], without a copy: each read asks the store.
//!
//! A `Cache` holds one whole [`Snapshot`] at a time and never gives it up for nothing: while the
//! store, the host or the source is away, it is served on, and [`State`] and age tell.

mod reader;

pub use kiwi_store as store;
pub use kiwi_store::{Error, ErrorKind, Id, Name, Result, Ttl};
pub use reader::*;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
