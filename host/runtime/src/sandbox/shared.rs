//! What all plugins of a host share: the engine, what guests may import, and the clock that
//! interrupts them.

use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::engine;
use super::state::State;
use super::v0_1::imports;
use crate::sandbox_error::SandboxError;

/// Where components run: one for a host, shared by all its plugins.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    _ticker: engine::Ticker,
}

impl Sandbox {
    /// A sandbox with room for `max_loads` at a time, which keeps compiled components in
    /// `compile_cache`: a directory that nobody else may write.
    ///
    /// # Errors
    /// The machine cannot run WebAssembly, or has no thread to spare.
    pub fn new(compile_cache: Option<PathBuf>, max_loads: usize) -> Result<Self, SandboxError> {
        let failed = |error: String| SandboxError::new(format!("this machine cannot run WebAssembly: {error}"));
        let engine = engine::engine(compile_cache, max_loads).map_err(|error| failed(format!("{error:#}")))?;
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
