//! Runs loaders (WebAssembly components) in a sandbox, on their schedule, and publishes what they
//! give: atomically, with a TTL, so that readers see all of a map or all of the one before.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kiwi_host::{CacheConfig, Host};
//!
//! let store = kiwi_cache::store::open(&"redis://127.0.0.1:6379".parse()?)?;
//! let currencies = CacheConfig::new("currencies".parse()?, "plugins/currencies.wasm");
//! let (host, skipped) = Host::builder(store).caches([currencies]).build().await?;
//! for skipped in skipped {
//!     eprintln!("{}: {}", skipped.cache, skipped.error);
//! }
//! let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! host.run(ctrl_c, std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Data flows one way: loader -> entries -> refill -> store.

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
