//! Runs loaders that are WebAssembly components: nothing is allowed but what was granted, nothing
//! is unbounded. A guest is hostile: its traps, endless loops and floods are outcomes.
//!
//! Only this module names `wasmtime`.

mod bindings;
mod check;
mod describe;
mod emit;
mod engine;
mod guest_log;
mod http;
mod imports;
mod limiter;
mod load;
mod plugin;
mod state;
mod trap;
mod wasi_http;

use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::sandbox_error::SandboxError;
use state::State;

pub(crate) use load::Component;
pub use plugin::Plugin;

/// Where components run: one for a host, shared by all its plugins.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    _ticker: engine::Ticker,
}

impl Sandbox {
    /// A sandbox with room for `most_loads` at a time, which keeps compiled components in
    /// `compile_cache`: a directory that nobody else may write.
    ///
    /// # Errors
    /// The machine cannot run WebAssembly, or has no thread to spare.
    pub fn new(compile_cache: Option<PathBuf>, most_loads: usize) -> Result<Self, SandboxError> {
        let failed = |error: String| SandboxError::new(format!("this machine cannot run WebAssembly: {error}"));
        let engine = engine::engine(compile_cache, most_loads).map_err(|error| failed(format!("{error:#}")))?;
        let linker = imports::linker(&engine).map_err(|error| failed(format!("{error:#}")))?;
        let ticker = engine::Ticker::start(engine.clone()).map_err(|error| failed(error.to_string()))?;
        Ok(Self { engine, linker, _ticker: ticker })
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
