//! Compiles a component in a process of its own first. Compiling is where a component meets the most code of ours that
//! no limit of a guest bounds: what takes too much memory or time there ends that process, and not this one. What it
//! compiled lies in the cache afterwards, and what compiled once within the limits does so again.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::compile_child::{CPU_SECONDS, Exit, MEMORY};
use crate::config::compilation::{Compilation, Compiler};
use crate::printable;

/// As much of the compiler's standard error as is read.
const STDERR_BYTES: u64 = 4 << 10;
pub(super) const TIMEOUT: Duration = Duration::from_secs(300);

/// Compiles a component by the program that was given for this, if one was.
///
/// # Errors
/// It is not a component, or compiling it takes too much: what was expected instead.
pub(super) async fn compile(compilation: &Compilation, component: &[u8]) -> Result<(), String> {
    let Some(compiler) = &compilation.compiler else { return Ok(()) };
    let child = start(compiler, compilation)
        .map_err(|error| format!("the compiler {} cannot be started: {error}", compiler.program.display()))?;
    // A child that is dropped is killed.
    let (status, stderr) = tokio::time::timeout(TIMEOUT, finish(child, component)).await.map_err(|_| too_slow())??;
    explain(status, &printable::message(stderr.trim()))
}

pub(super) fn too_slow() -> String {
    format!("compiling it takes longer than {TIMEOUT:?}: expected a smaller component")
}

fn start(compiler: &Compiler, compilation: &Compilation) -> std::io::Result<Child> {
    Command::new(&compiler.program)
        .args(&compiler.args)
        .args(&compilation.cache)
        // Passwords, for example, are no business of a process that works on a foreign component.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C is for this process, which then ends the other.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn finish(mut child: Child, component: &[u8]) -> Result<(ExitStatus, String), String> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A compiler that has ended says why elsewhere.
            let _ = stdin.write_all(component).await;
        }
    };
    let read = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(STDERR_BYTES).read_to_end(&mut said).await;
        }
        String::from_utf8_lossy(&said).into_owned()
    };
    let ((), said, status) = tokio::join!(write, read, child.wait());
    Ok((status.map_err(|error| format!("its compiler cannot be waited for: {error}"))?, said))
}

fn explain(status: ExitStatus, stderr: &str) -> Result<(), String> {
    let too_large = || {
        let memory = printable::bytes(MEMORY);
        format!(
            "compiling it takes more than {memory} of memory: expected a smaller component (strip its debug sections)"
        )
    };
    if status.success() {
        return Ok(());
    }
    match Exit::of(status) {
        Some(Exit::NotCompiled) => Err(stderr.to_owned()),
        Some(Exit::OutOfMemory) => Err(too_large()),
        Some(Exit::OutOfTime) => {
            Err(format!("compiling it takes more than {CPU_SECONDS} s of CPU time: expected a smaller component"))
        }
        Some(Exit::NotKept) => {
            tracing::warn!("compiling plugins at each start, because what was compiled cannot be kept: {stderr}");
            Ok(())
        }
        None if stderr.contains("memory allocation of") || stderr.contains("os error 12") => Err(too_large()),
        None => Err(format!("its compiler ended with {status}: expected a component that can be compiled ({stderr})")),
    }
}
