//! Where a guest stood when it trapped: the names of its functions, which it chose itself, so that each is cut
//! before anything else is done with it.

use std::fmt::Write;

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::printable;

/// Of the name of a function in the component.
const MANGLED_BYTES: usize = 1 << 10;
/// Of the name that is shown: 13 bytes of a mangled name may stand for a megabyte.
const NAME_BYTES: usize = 200;
/// wasmtime keeps 20; more would not help anybody.
const MAX_FRAMES: usize = 20;

/// The frames from the innermost out, one on each line, with Rust's names demangled.
pub(super) fn lines(error: &wasmtime::Error) -> Vec<String> {
    frames(error).enumerate().map(|(depth, frame)| line(depth, frame)).collect()
}

/// The loader's own functions from the innermost out, as far as they have names: how a language ends a program
/// says nothing about why.
pub(super) fn names(error: &wasmtime::Error) -> impl Iterator<Item = String> {
    frames(error).filter_map(|frame| frame.func_name().map(name)).filter(|name| !is_of_a_runtime(name))
}

fn is_of_a_runtime(name: &str) -> bool {
    const PREFIXES: [&str; 8] = ["std::", "core::", "alloc::", "__", "rust_", "runtime.", "cabi_", "Py"];
    const NAMES: [&str; 3] = ["abort", "exit", "_Exit"];
    PREFIXES.iter().any(|prefix| name.trim_start_matches('<').starts_with(prefix)) || NAMES.contains(&name)
}

/// Whether the stack holds one function again and again: wasmtime keeps the innermost frames only.
pub(super) fn are_recursive(error: &wasmtime::Error) -> bool {
    let functions: Vec<u32> = frames(error).map(FrameInfo::func_index).collect();
    let repeats = |function: &u32| functions.iter().filter(|other| *other == function).count();
    functions.len() == MAX_FRAMES && functions.iter().any(|function| repeats(function) > MAX_FRAMES / 4)
}

fn frames(error: &wasmtime::Error) -> impl Iterator<Item = &FrameInfo> {
    error.downcast_ref::<WasmBacktrace>().into_iter().flat_map(WasmBacktrace::frames).take(MAX_FRAMES)
}

fn line(depth: usize, frame: &FrameInfo) -> String {
    let module = frame.module().name().map_or_else(|| "<unknown>".to_owned(), |name| printable::line(name, NAME_BYTES));
    let function = frame.func_name().map_or_else(|| format!("<wasm function {}>", frame.func_index()), name);
    match frame.module_offset() {
        Some(offset) => format!("  {depth:>3}: {offset:#8x} - {module}!{function}"),
        None => format!("  {depth:>3}: {module}!{function}"),
    }
}

/// A function's name as people read it.
fn name(mangled: &str) -> String {
    let mangled = &mangled[..mangled.floor_char_boundary(MANGLED_BYTES)];
    let Ok(demangled) = rustc_demangle::try_demangle(mangled) else { return printable::line(mangled, NAME_BYTES) };
    let mut name = Bounded(String::new());
    // Fails where the name is too long: it is cut there.
    let _ = write!(name, "{demangled:#}");
    printable::line(&name.0, NAME_BYTES)
}

/// Takes a little more than is shown, then refuses, so that whoever writes stops.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let left = (2 * NAME_BYTES).saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(left)]);
        if text.len() > left { Err(std::fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn names_of_rust_functions_are_demangled() {
        assert_eq!(name("_ZN6loader16load_from_source17h0123456789abcdefE"), "loader::load_from_source");
        assert_eq!(name("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(name("main"), "main");
        assert_eq!(name("a\n\u{202e}b"), "a\\n\\u{202e}b");
    }

    #[test]
    fn a_name_stays_short_whatever_it_stands_for() {
        let began = Instant::now();
        // A megabyte, and what C++ would make 32 MB of.
        let cpp = format!("_Z1fI1a{}EvT_", "St4pairIS_S_E".repeat(14));
        for hostile in ["_RMC0FGZZZ_Eu", "_RYFG_FGyyEvRYFF_EvRYFFEvERLB_B_B_ERLRjB_B_B_", &cpp, &"x".repeat(100_000)] {
            let name = name(hostile);
            assert!(name.len() <= NAME_BYTES + '…'.len_utf8(), "{} bytes", name.len());
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
