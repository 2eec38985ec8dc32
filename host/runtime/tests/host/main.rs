//! The host as its users run it: real components, real HTTP servers, a real store.
//!
//! Each module is about one promise. The components come from `tests/guests` (hostile and odd ones)
//! and `plugins` (the loaders we ship).

mod auth;
mod bad_plugins;
mod changed;
mod changing_caches;
mod compressed;
mod connections;
mod embedded;
mod entries;
mod file_loader;
mod file_sets;
mod files;
mod given;
mod guards;
mod hostile;
mod http_loader;
mod http_pages;
mod hung_files;
mod metrics;
mod native;
mod native_refusals;
mod network;
mod oauth;
mod proxy;
#[path = "../../../store/tests/support/redis_server.rs"]
mod redis_server;
mod refill;
mod reports;
mod restarts;
mod schedule;
mod secrets;
mod sql;
mod start;
mod suggestions;
mod support;
