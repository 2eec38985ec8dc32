//! Runs loaders that are WebAssembly components: nothing is allowed but what was granted, nothing
//! is unbounded. A guest is hostile: its traps, endless loops and floods are outcomes.
//!
//! `v0_1` holds what belongs to version 0.1 of the contract. Of the files beside it only those that choose a
//! version (`shared`, `check`, `plugin`, `component`) name it; the guest's state and its limits do not.

mod check;
pub(crate) mod compile_child;
mod compiler;
pub(crate) mod component;
mod describe;
mod engine;
mod files;
mod frames;
mod guest_log;
mod last_words;
mod limiter;
pub(crate) mod plugin;
mod refusals;
mod response;
pub(crate) mod shared;
mod sockets;
mod sql;
mod state;
mod suggested_timing;
mod trap;
mod v0_1;
mod wasi_http;
