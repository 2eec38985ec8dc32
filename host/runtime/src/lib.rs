//! Runs loaders in a sandbox on their schedule and publishes what they give: the host.
mod config;
pub use config::*;
