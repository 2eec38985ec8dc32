//! The other end of `compiler`: a process that compiles one component within limits, into the cache.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmtime::component::Component;

use super::check::{MAX_BYTES, not_a_component};
use super::engine;

/// Address space: a Python component needs a quarter of it.
pub(super) const MEMORY: u64 = 3 << 30;
/// Of all its threads together.
pub(super) const CPU_SECONDS: u64 = 600;

/// How this process says what came of it.
#[derive(Clone, Copy)]
pub(super) enum Exit {
    /// The reason is on standard error.
    NotCompiled,
    OutOfMemory,
    OutOfTime,
    /// It is compiled, but the cache does not have it.
    NotKept,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::NotCompiled => 65,
            Self::OutOfMemory => 71,
            Self::OutOfTime => 75,
            Self::NotKept => 73,
        }
    }

    pub(super) fn of(status: ExitStatus) -> Option<Self> {
        if status.signal() == Some(rustix::process::Signal::XCPU.as_raw()) {
            return Some(Self::OutOfTime);
        }
        let known = [Self::NotCompiled, Self::OutOfMemory, Self::NotKept];
        known.into_iter().find(|exit| status.code() == Some(exit.code().into()))
    }
}

/// Compiles the component on standard input into this cache, as a host of this version reads it there, within limits
/// of memory and time that it sets for its own process. This is what a program that is given to
/// [`Compilation::compiler`](crate::Compilation::compiler) must call first of all, and whose result it must exit with.
#[must_use]
pub fn compile_stdin(cache: Option<PathBuf>) -> ExitCode {
    limit(Resource::As, MEMORY);
    limit(Resource::Cpu, CPU_SECONDS);
    limit(Resource::Core, 0);
    match compile(cache) {
        Ok(()) => ExitCode::SUCCESS,
        Err((exit, reason)) => {
            // Without standard error, the code alone must do.
            let _ = writeln!(std::io::stderr(), "{reason}");
            exit.code().into()
        }
    }
}

fn compile(cache: Option<PathBuf>) -> Result<(), (Exit, String)> {
    let refused = |reason: String| (Exit::NotCompiled, reason);
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let (engine, cache) = engine::for_compiling(cache)
        .map_err(|error| refused(format!("this machine cannot compile WebAssembly: {error:#}")))?;
    Component::from_binary(&engine, &bytes).map_err(|cause| {
        let exit = if lacks_memory(&cause) { Exit::OutOfMemory } else { Exit::NotCompiled };
        (exit, not_a_component(&cause))
    })?;
    // wasmtime counts an entry only when it is on the disk.
    match cache {
        Some(cache) if cache.cache_hits() + cache.cache_misses() == 0 => {
            Err((Exit::NotKept, format!("{} cannot be written", cache.directory().display())))
        }
        _ => Ok(()),
    }
}

fn lacks_memory(cause: &wasmtime::Error) -> bool {
    cause.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory)
    })
}

/// Lowers a limit of this process. One that cannot be set is lower already, or unknown here.
fn limit(resource: Resource, most: u64) {
    let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
    let _ = setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) });
}
