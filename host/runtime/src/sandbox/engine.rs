//! The one engine of a host: how components are compiled, and how they are interrupted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result,
    WasmBacktraceDetails,
};

/// How often a running guest is made to give way to others.
const TICK: Duration = Duration::from_millis(10);
/// Enough for QuickJS, which needs more than the default of 512 KiB.
const WASM_STACK: usize = 1 << 20;
/// The host's own functions run on the same stack as the guest that called them.
const HOST_STACK: usize = 1 << 20;

/// Compiles components, and interrupts guests that run for long.
pub(super) fn engine(compile_cache: Option<Cache>, max_loads: usize) -> Result<Engine> {
    let pooled = config(compile_cache.clone(), InstanceAllocationStrategy::Pooling(pool(max_loads)));
    // A pool reserves address space for all loads at once; where that is short (ulimit -v, small
    // machines), memory is asked for load by load.
    Engine::new(&pooled).or_else(|error| {
        tracing::info!("allocating memory per load, because the pool cannot be created: {error:#}");
        Engine::new(&config(compile_cache, InstanceAllocationStrategy::OnDemand))
    })
}

/// Compiles components exactly as [`engine`] does, but cannot run them.
pub(super) fn for_compiling(compile_cache: Option<PathBuf>) -> Result<(Engine, Option<Cache>)> {
    let compile_cache = compile_cache.and_then(open_cache);
    let engine = Engine::new(&config(compile_cache.clone(), InstanceAllocationStrategy::OnDemand))?;
    Ok((engine, compile_cache))
}

fn config(compile_cache: Option<Cache>, allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK + HOST_STACK)
        .allocation_strategy(allocation)
        // A component's DWARF is of any size and shape, and reading it is bounded by no limit.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .cache(compile_cache);
    config
}

/// Room for `max_loads` at a time, each a component of several core modules (Python has about 40).
fn pool(max_loads: usize) -> PoolingAllocationConfig {
    let loads = u32::try_from(max_loads).unwrap_or(u32::MAX).max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(loads)
        .total_core_instances(loads.saturating_mul(50))
        .total_memories(loads.saturating_mul(4))
        .total_tables(loads.saturating_mul(50))
        .total_stacks(loads)
        .max_core_instances_per_component(50)
        .max_memories_per_component(4)
        .max_tables_per_component(50)
        .max_core_instance_size(1 << 20)
        .max_component_instance_size(1 << 20)
        .table_elements(100_000)
        .max_unused_warm_slots(loads);
    pool
}

/// Compiled components are kept on disk, so that a restart does not compile them again.
pub(super) fn open_cache(directory: PathBuf) -> Option<Cache> {
    let shown = directory.display().to_string();
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config)
        .inspect_err(|error| {
            tracing::warn!("compiling plugins at each start, because {shown} cannot be used: {error:#}")
        })
        .ok()
}

/// Advances the engine's epoch from a thread of the operating system: a guest that spins can starve
/// tokio's timers, but not this.
#[derive(Debug)]
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("kiwi-epoch".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
