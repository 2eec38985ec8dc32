//! A cache as it is configured: its settings, its loader, what that loader needs. A new configuration
//! replaces all of it; what a host knows of the cache's data (its `standing`) survives.

pub(crate) mod cache;
pub(crate) mod config;
pub(crate) mod identity;
#[cfg(feature = "components")]
pub(crate) mod inspection;
pub(crate) mod needs;
pub(crate) mod plugin_error;
pub(crate) mod prepare;
pub(crate) mod standing;
