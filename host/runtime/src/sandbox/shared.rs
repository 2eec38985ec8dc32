//! What all plugins of a host share: the engine, what guests may import, and the clock that
//! interrupts them.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::engine;
use super::state::{self, State};
use super::v0_1::imports;
use crate::outside::http::Connections;
use crate::sandbox_error::SandboxError;

/// Where components run: one for a host, shared by all its plugins.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) resources: Resources,
    _ticker: engine::Ticker,
}

/// What all guests share of the files that the process may open.
#[derive(Clone, Debug)]
pub(super) struct Resources {
    pub(super) connections: Connections,
    /// What one guest may hold, if it can open files.
    pub(super) of_a_guest: usize,
}

impl Resources {
    fn new(max_loads: usize) -> Self {
        let max_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            connections: Connections::for_open_files(max_files),
            of_a_guest: state::max_resources(max_files, max_loads),
        }
    }
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
        Ok(Self { engine, linker, resources: Resources::new(max_loads), _ticker: ticker })
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
