//! Write a loader for kiwi-host in Rust.
//!
//! A loader is one function that returns a map. The host calls it on a schedule, in a sandbox, and publishes what it
//! returns to Redis in one atomic step.
//!
//! ```
//! use std::collections::BTreeMap;
//! use kiwi_loader::Error;
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Airline {
//!     name: &'static str,
//!     country: &'static str,
//! }
//!
//! fn load_from_source() -> Result<BTreeMap<&'static str, Airline>, Error> {
//!     Ok(BTreeMap::from([("FR", Airline { name: "Ryanair", country: "IE" })]))
//! }
//!
//! kiwi_loader::loader!(load_from_source);
//! ```
//!
//! Its crate is a `cdylib`, built by `cargo build --release --target wasm32-wasip2`.
//!
//! - **What it returns**: a `HashMap`, a `BTreeMap`, a `Vec` of pairs, or any iterator of pairs or of `Result`s of
//!   pairs; keys are `ToString`, values [`serde::Serialize`]. A large map is sent in batches while the iterator runs,
//!   so that a lazy one needs no memory for the whole. [`Json`] is a value that is JSON text already, and goes through
//!   as it is written, each digit kept.
//! - **Errors**: `?` works on any [`std::error::Error`]; [`Error`] says more.
//! - **Settings**: the function may take one argument, any [`serde::Deserialize`] type:
//!   `fn load_from_source(settings: Settings)`.
//! - **Doing nothing when nothing has changed**: [`mark`] and [`Load::Unchanged`].
//! - **The world outside**: [`http`]; files and environment through `std`, where they are granted; [`log`].
//! - **Telling what it takes and needs**: [`Description`], as in `loader!(load_from_source, describe)`.
//!
//! A panic is a trap: the load fails, and the host shows the message and the backtrace.

mod about;
#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod component;
mod entry;
mod error;
pub mod http;
pub mod log;
pub mod mark;
mod settings;

pub use about::{Description, Grant, Setting};
pub use entry::{IntoEntry, IntoLoad, Json, Load};
pub use error::Error;
pub use settings::settings;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
