//! Version 0.1 of the contract, as guests see it: the bindings, and what each of its functions does.

mod bindings;
mod emit;
mod errors;
mod http;
pub(super) mod imports;
pub(super) mod loader;
mod sql;

/// The version of the contract, but for its last number.
pub(super) const VERSION: &str = "0.1";
/// The contract of this host, as `wit/loader.wit` has it. Later versions of 0.1 only add to it.
pub(super) const CONTRACT: &str = "0.1.1";
/// The interfaces of the contract that a guest may import.
pub(super) const INTERFACES: [&str; 8] = ["about", "entries", "output", "settings", "mark", "log", "http", "sql"];
