//! A stand-in for the host, so that loaders run in plain unit tests: `cargo test`, no WebAssembly.
//!
//! ```
//! use std::collections::BTreeMap;
//! use kiwi_loader::testing::{Response, Host, json};
//! use kiwi_loader::{Error, Settings, http};
//!
//! #[derive(Settings)]
//! struct Settings {
//!     /// Where to get the rates.
//!     url: String,
//! }
//!
//! fn load_from_source(settings: Settings) -> Result<BTreeMap<String, f64>, Error> {
//!     Ok(http::get(settings.url).query("base", "EUR").send()?.error_for_status()?.json()?)
//! }
//!
//! let host = Host::new()
//!     .settings(json!({ "url": "https://example.com/rates" }))
//!     .get("https://example.com/rates?base=EUR", Response::json(json!({ "USD": 1.105 })));
//! let rates = host.load(load_from_source)?.into_entries().unwrap();
//! assert_eq!(rates["USD"], json!(1.105));
//!
//! let host = Host::new()
//!     .settings(json!({ "url": "https://example.com/rates" }))
//!     .get("https://example.com/rates?base=EUR", Response::status(503));
//! assert!(host.load(load_from_source).unwrap_err().is_unavailable());
//! # Ok::<(), Error>(())
//! ```
//!
//! A stand-in is in force on one thread, and only while its [`load`](Host::load) or [`run`](Host::run) runs. So tests
//! that run side by side do not disturb each other. This module is not there in a component.

pub(crate) mod contract;
mod host;
mod outcome;
mod response;
mod state;

pub use host::Host;
pub use response::Response;
pub use serde_json::json;
pub use state::{LogLine, SentQuery, SentRequest};

#[cfg(test)]
mod tests;
