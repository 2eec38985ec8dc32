//! The same readers for code without a runtime, and for code that must not depend on one.

mod cache;
mod changes;
mod fork;
mod park;
mod remote;
mod worker;

pub use cache::Cache;
pub use changes::Changes;
pub use fork::Pause;
pub use remote::RemoteCache;
