//! Runs loaders on their schedule and publishes what they give: atomically, with a TTL, so that readers
//! see all of a map or all of the one before. A loader is a WebAssembly component, run in a sandbox, or a
//! Rust type of the program that embeds this crate: a [`Loader`].
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kiwi_host::{CacheConfig, Host, LoadError, Loader, Output};
//!
//! struct Planets;
//!
//! impl Loader for Planets {
//!     async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
//!         out.emit("earth", &149.6).await?;
//!         out.emit("mars", &227.9).await
//!     }
//! }
//!
//! let store = kiwi_store::open(&"redis://127.0.0.1:6379".parse()?)?;
//! let planets = CacheConfig::native("planets".parse()?, Planets);
//! let currencies = CacheConfig::new("currencies".parse()?, "plugins/currencies.wasm");
//! let (host, skipped) = Host::builder(store).caches([planets, currencies]).build().await?;
//! for skipped in skipped {
//!     eprintln!("{}: {}", skipped.cache, skipped.error);
//! }
//! let distances = host.cache::<f64>("planets").await?;
//! assert_eq!(distances.get_or_refill("mars").await?.as_deref(), Some(&227.9));
//! let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! host.run(ctrl_c, std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Data flows one way: loader -> entries -> refill -> store.
//!
//! The feature `components`, on by default, is what runs components, and brings wasmtime. A program whose
//! loaders are all in Rust does without: then a host that is given a component is not built, and says why.

mod asked;
mod cache;
mod config;
mod deadline;
mod delivery;
mod description;
mod direct;
mod dry;
mod entry;
mod failure;
mod fingerprints;
mod host;
#[cfg(feature = "components")]
mod http;
#[cfg(feature = "components")]
mod inspection;
mod instance;
mod intake;
mod load_error;
mod loaded;
mod loader;
mod metrics;
mod native;
mod outcome;
mod output;
mod plain;
mod plugin_error;
mod prepare;
mod progress;
mod prolong;
mod publication;
mod refill;
mod report;
mod restore;
#[cfg(feature = "components")]
mod sandbox;
#[cfg(not(feature = "components"))]
#[path = "no_sandbox.rs"]
mod sandbox;
mod sandbox_error;
mod schedule;
mod spool;
mod warm;

pub use config::{
    AskedTiming, CacheConfig, DirGrant, Grants, Guards, HttpGrant, Limits, Percent, Refusal, Settings, Timing,
    parse_duration, parse_size, parse_ttl,
};
pub use description::{AskedGrant, Description, Setting};
pub use failure::{Failure, FailureKind};
pub use host::{Builder, Host};
#[cfg(feature = "components")]
pub use inspection::{Inspection, inspect};
pub use instance::Instance;
pub use load_error::LoadError;
pub use loader::{AnyLoader, Loader, NativeLoader};
pub use metrics::Metrics;
pub use outcome::Outcome;
pub use output::Output;
pub use plugin_error::{Needs, PluginError};
pub use prepare::Skipped;
pub use progress::Progress;
#[cfg(feature = "components")]
pub use sandbox::{Plugin, Sandbox};
pub use sandbox_error::SandboxError;
pub use tokio_util::sync::CancellationToken;
