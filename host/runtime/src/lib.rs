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

mod config;
mod definition;
mod entries;
mod events;
mod failure;
mod host;
mod instance;
mod loader;
#[cfg(feature = "components")]
mod memory;
#[cfg(feature = "components")]
mod outside;
mod printable;
mod refill;
#[cfg(feature = "components")]
mod sandbox;
#[cfg(not(feature = "components"))]
#[path = "no_sandbox.rs"]
mod sandbox;
mod sandbox_error;
mod supervisor;
// No feature of its own: with it, building the command alone would build the host again.
#[cfg(feature = "components")]
#[doc(hidden)]
pub mod testing;

pub use config::auth::{Auth, AuthKind, ClientAuth, OAuth2};
pub use config::compilation::Compilation;
pub use config::connection::{Connection, DatabaseTls, DatabaseUrl};
pub use config::file_grants::{DirGrant, FileGrant};
pub use config::grants::Grants;
pub use config::guards::{Guards, Percent, Refusal};
pub use config::http_grant::HttpGrant;
pub use config::http_options::{ClientCertificate, HttpOptions, NoProxy, Proxy};
pub use config::limits::Limits;
pub use config::secret_grant::{SecretGrant, is_secret_name};
pub use config::secret_source::SecretSource;
pub use config::settings::Settings;
pub use config::text::{parse_duration, parse_size, parse_ttl};
pub use config::timing::{AskedTiming, Timing};
pub use definition::cache::mark_as_set;
pub use definition::config::{AnyLoader, CacheConfig};
#[cfg(feature = "components")]
pub use definition::inspection::{Inspection, inspect};
pub use definition::plugin_error::{Needs, PluginError};
pub use definition::prepare::Skipped;
pub use entries::progress::Progress;
pub use events::metrics::Metrics;
pub use events::outcome::Outcome;
pub use failure::{Failure, FailureKind};
pub use host::{Builder, DEFAULT_MAX_LOADS, Host};
pub use instance::Instance;
pub use loader::description::{AskedGrant, Description, Overruled, Setting};
pub use loader::load_error::LoadError;
pub use loader::native::{Loader, NativeLoader};
pub use loader::output::Output;
#[cfg(feature = "components")]
pub use outside::http::{check_certificates, is_special as is_special_address, proxy_address};
#[cfg(feature = "components")]
pub use outside::secret::Secret;
#[cfg(feature = "components")]
pub use outside::sql::try_connection;
pub use printable::is_invisible;
#[cfg(feature = "components")]
pub use sandbox::compile_child::compile_stdin;
#[cfg(feature = "components")]
pub use sandbox::shared::Sandbox;
pub use sandbox_error::SandboxError;
