//! Explains a call that did not return: which limit was hit, where, and the guest's last words.

use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use super::state::State;
use super::{frames, last_words};
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// The guest writes most of it.
const DETAIL_BYTES: usize = 16 << 10;
/// What `status` shows of a guest's last words: one line.
const WORDS_BYTES: usize = 300;
/// The functions named where a guest says nothing itself.
const MAX_NAMES: usize = 3;
const NAME_BYTES: usize = 80;

/// The failure behind a call that trapped.
pub(super) fn failure(error: &wasmtime::Error, store: &Store<State>) -> Failure {
    let stderr = store.data().log.stderr_tail();
    let mut failure = explain(error, store.data(), &stderr);
    failure.detail = Some(detail(error, &stderr)).filter(|detail| !detail.is_empty());
    failure
}

fn explain(error: &wasmtime::Error, state: &State, stderr: &str) -> Failure {
    let limits = &state.limits;
    let trap = error.downcast_ref::<Trap>();
    // Never the whole error: it writes out its frames, whose names the guest chose.
    let cause = trap.map_or_else(|| error.root_cause().to_string(), ToString::to_string);
    let words = last_words::find(stderr).map(|words| printable::line(&words, WORDS_BYTES));
    // A guest that was refused memory, and lives with it, may still trap for another reason.
    let may_lack_memory = matches!(trap, None | Some(Trap::UnreachableCodeReached));
    if state.limiter.has_refused() && may_lack_memory {
        return out_of_memory(state);
    }
    if cause.contains("fuel allocated for hostcalls") {
        let allowed = printable::bytes(limits.hostcall_bytes);
        let message = format!("one call between plugin and host carried more than the {allowed} allowed");
        return Failure::limit("hostcall_bytes", format!("{message}: emit large maps in batches"));
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        let message = "the plugin has too many files, streams and responses open at the same time: it must close what it \
                       does not need any more";
        return Failure::new(FailureKind::Limit, message);
    }
    if let Some(message) = stack_overflow(error, trap, words.as_deref()) {
        return Failure::new(FailureKind::Limit, message);
    }
    let message = match (words, error.downcast_ref::<I32Exit>()) {
        (Some(words), _) => format!("the plugin trapped: {words}"),
        // The code is lost on its way: WASI 0.2 says only whether it was 0.
        (None, Some(I32Exit(_))) => {
            "the plugin called `exit`: expected it to return, with an error if it failed".to_owned()
        }
        (None, None) => {
            let cause = printable::line(&cause, WORDS_BYTES);
            format!("the plugin trapped: {cause}{}{}", place(error), last_line(stderr))
        }
    };
    Failure::new(FailureKind::Trap, message)
}

/// The failure of a guest that asked for more memory than it may have.
pub(super) fn out_of_memory(state: &State) -> Failure {
    let allowed = printable::bytes(state.limits.memory);
    Failure::limit("memory", format!("the plugin ran out of memory: it asked for more than the {allowed} allowed"))
}

/// What to say where the stack was used up: the one of WebAssembly, the one that compiled languages keep in the
/// guest's memory (its end is the end of that memory), or the one that an interpreter counts.
fn stack_overflow(error: &wasmtime::Error, trap: Option<&Trap>, words: Option<&str>) -> Option<String> {
    let recursive = |message: &str| format!("{message}{}; look for a recursion that does not end", place(error));
    match (trap, words) {
        (Some(Trap::StackOverflow), _) => Some(recursive("stack overflow in the plugin: its stack has 1 MiB")),
        (Some(Trap::MemoryOutOfBounds), _) if frames::are_recursive(error) => {
            Some(recursive("stack overflow in the plugin: it wrote beyond the stack in its memory"))
        }
        (_, Some(words)) if last_words::tell_of_recursion(words) => {
            Some(format!("stack overflow in the plugin: {words}"))
        }
        _ => None,
    }
}

/// The innermost functions of the guest, where they have names.
fn place(error: &wasmtime::Error) -> String {
    let mut names: Vec<String> = frames::names(error).map(|name| printable::line(&name, NAME_BYTES)).collect();
    names.dedup();
    names.truncate(MAX_NAMES);
    if names.is_empty() { String::new() } else { format!(", in {}", names.join(", called by ")) }
}

/// The end of what the guest wrote: an assertion in C, for example, says there what it expected.
fn last_line(stderr: &str) -> String {
    let last = stderr.lines().rfind(|line| !line.trim().is_empty());
    last.map_or_else(String::new, |line| {
        format!("; its last line on stderr: {}", printable::line(line, WORDS_BYTES / 2))
    })
}

/// The tail of the guest's standard error, then the frames from the innermost out.
fn detail(error: &wasmtime::Error, stderr: &str) -> String {
    let lines: Vec<String> = stderr.lines().map(str::to_owned).chain(frames::lines(error)).collect();
    printable::text(&lines.join("\n"), DETAIL_BYTES)
}
