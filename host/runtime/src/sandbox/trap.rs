//! Explains a call that did not return: which limit was hit, where, and the guest's last output.

use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::state::State;
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// The guest names its own functions: not longer than this.
const DETAIL_BYTES: usize = 16 << 10;

/// The failure behind a call that trapped.
pub(super) fn failure(error: &wasmtime::Error, store: &Store<State>) -> Failure {
    let state = store.data();
    let limits = &state.limits;
    let trap = error.downcast_ref::<Trap>();
    // A guest that was refused memory, and lives with it, may still trap for another reason.
    let may_lack_memory = matches!(trap, None | Some(Trap::UnreachableCodeReached));
    let mut failure = if let Some(wanted) = state.limiter.refused().filter(|_| may_lack_memory) {
        let message = format!(
            "the plugin ran out of memory: it asked for {wanted} bytes, more than the {} allowed",
            limits.memory
        );
        Failure::limit("memory", message)
    } else if trap == Some(&Trap::StackOverflow) {
        Failure::new(FailureKind::Limit, "stack overflow in the plugin: its stack has 1 MiB")
    } else if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        let message = "the plugin has too many files, streams and responses open at the same time: it must close what it \
                       does not need any more";
        Failure::new(FailureKind::Limit, message)
    } else if format!("{error:#}").contains("fuel allocated for hostcalls") {
        let message =
            format!("one call between plugin and host carried more than the {} bytes allowed", limits.hostcall_bytes);
        Failure::limit("hostcall_bytes", format!("{message}: emit large maps in batches"))
    } else {
        let cause = trap.map_or_else(|| error.root_cause().to_string(), ToString::to_string);
        Failure::new(
            FailureKind::Trap,
            format!("the plugin trapped: {cause}; its last output and a backtrace are in the log"),
        )
    };
    failure.detail = Some(detail(error, state)).filter(|detail| !detail.is_empty());
    failure
}

/// The tail of the guest's standard error, then the frames from the innermost out, demangled.
fn detail(error: &wasmtime::Error, state: &State) -> String {
    let tail = state.log.stderr_tail();
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(ToString::to_string).unwrap_or_default();
    // The first line is a heading.
    let frames = backtrace.lines().skip(1);
    let lines: Vec<String> = tail.lines().map(str::to_owned).chain(frames.map(demangled)).collect();
    printable::text(&lines.join("\n"), DETAIL_BYTES)
}

/// A frame with Rust's function names as people read them.
fn demangled(frame: &str) -> String {
    let words = frame.split_inclusive([' ', '!']);
    words.map(|word| rustc_demangle::try_demangle(word).map_or(word.to_owned(), |name| format!("{name:#}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::demangled;

    #[test]
    fn names_of_rust_functions_are_demangled() {
        let frame = "   0:   0x1a2b - loader.wasm!_ZN6loader16load_from_source17h0123456789abcdefE";
        assert_eq!(demangled(frame), "   0:   0x1a2b - loader.wasm!loader::load_from_source");
        assert_eq!(demangled("   1:   0x1a2b - main!main"), "   1:   0x1a2b - main!main");
    }
}
