//! What all plugins of a host share: the engine, what guests may import, and the clock that
//! interrupts them.

use rustix::process::{Resource, getrlimit};
use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Cache, Engine};

use super::engine;
use super::state::{self, State};
use super::v0_1::imports;
use crate::config::compilation::Compilation;
use crate::config::http_options::HttpOptions;
use crate::outside::http::SharedHttp;
use crate::outside::sql::Databases;
use crate::sandbox_error::SandboxError;

/// How many components are compiled at a time.
const MAX_COMPILERS: usize = 2;

/// Where components run: one for a host, shared by all its plugins.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) resources: Resources,
    pub(super) compilation: Compilation,
    pub(super) cache: Option<Cache>,
    /// One permit a compiler: each may take gigabytes.
    pub(super) compilers: Semaphore,
    _ticker: engine::Ticker,
}

/// What all guests share: the network, and the files that the process may open.
#[derive(Clone, Debug)]
pub(super) struct Resources {
    pub(super) databases: Databases,
    pub(super) http: SharedHttp,
    /// What one guest may hold, if it can open files.
    pub(super) of_a_guest: usize,
}

impl Resources {
    fn new(max_loads: usize, http: HttpOptions) -> Self {
        let max_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            databases: Databases::default(),
            http: SharedHttp::new(max_files, http),
            of_a_guest: state::max_resources(max_files, max_loads),
        }
    }
}

impl Sandbox {
    /// A sandbox with room for `max_loads` at a time.
    ///
    /// # Errors
    /// The machine cannot run WebAssembly, or has no thread to spare.
    pub fn new(compilation: Compilation, max_loads: usize) -> Result<Self, SandboxError> {
        Self::with_http(compilation, max_loads, HttpOptions::default())
    }

    /// As `new`, and with what the requests of its guests go through.
    ///
    /// # Errors
    /// As `new`.
    pub(crate) fn with_http(
        compilation: Compilation,
        max_loads: usize,
        http: HttpOptions,
    ) -> Result<Self, SandboxError> {
        let failed = |error: String| SandboxError::new(format!("this machine cannot run WebAssembly: {error}"));
        let cache = compilation.cache.clone().and_then(engine::open_cache);
        let engine = engine::engine(cache.clone(), max_loads).map_err(|error| failed(format!("{error:#}")))?;
        let linker = imports::linker(&engine).map_err(|error| failed(format!("{error:#}")))?;
        let ticker = engine::Ticker::start(engine.clone()).map_err(|error| failed(error.to_string()))?;
        let (compilers, resources) = (Semaphore::new(MAX_COMPILERS), Resources::new(max_loads, http));
        Ok(Self { engine, linker, resources, compilation, cache, compilers, _ticker: ticker })
    }

    /// Waits until all databases know that their loads have ended.
    pub(crate) async fn sources_left(&self) {
        self.resources.databases.ended().await;
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
