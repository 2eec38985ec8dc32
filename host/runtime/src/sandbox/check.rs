//! Whether a file is a loader that this host can run, said in the order in which people get it
//! wrong: the bytes, the contract's version, the export, the imports.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::state::State;
use super::v0_1::loader::Loader;
use super::v0_1::{CONTRACT, INTERFACES, VERSION};
use crate::printable;

/// A component must begin with these: `\0asm`, then the version and layer of components.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// A core module, which a component contains, begins with these.
const CORE_MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
const WASI: [&str; 7] =
    ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:http", "wasi:io", "wasi:random", "wasi:sockets"];

/// Compiling takes time and memory, and no limit of a guest bounds it.
pub(super) const MAX_BYTES: u64 = 128 << 20;

/// What is wrong with bytes that begin like a component and cannot be compiled.
pub(super) fn not_a_component(cause: &wasmtime::Error) -> String {
    format!("it is damaged or cut off: expected a whole component; build or copy it again ({})", words(cause))
}

/// wasmtime's own words: they may hold names that the component chose.
pub(super) fn words(cause: &wasmtime::Error) -> String {
    printable::message(&format!("{cause:#}"))
}

/// Whether these bytes can be a component at all.
///
/// # Errors
/// A sentence that says what they are instead.
pub(super) fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(&COMPONENT) {
        return Ok(());
    }
    if bytes.starts_with(&CORE_MODULE) {
        return Err(
            "it is a core WebAssembly module, not a component: expected a component; build it for wasm32-wasip2, \
                    or wrap it with `wasm-tools component new`"
                .into(),
        );
    }
    if !bytes.is_empty() && COMPONENT.starts_with(&bytes[..bytes.len().min(8)]) {
        return Err(
            "the file ends within its first 8 bytes: expected a WebAssembly component; build or copy it again".into()
        );
    }
    if bytes.starts_with(b"\0asm") {
        return Err(
            "it is WebAssembly of a version this host does not know: expected a component; update kiwi-host".into()
        );
    }
    Err("it is not WebAssembly: expected a component (a .wasm file built for wasm32-wasip2)".into())
}

/// Whether a component was built against a contract we offer. Gives its version, the newest that it names.
///
/// # Errors
/// A sentence that names the version.
pub(super) fn check_contract(component: &Component, engine: &Engine) -> Result<Option<String>, String> {
    let ty = component.component_type();
    let mut version: Option<String> = None;
    for (name, _) in ty.imports(engine).chain(ty.exports(engine)) {
        let Some((_, built)) = name.strip_prefix("kiwi:loader/").and_then(|rest| rest.split_once('@')) else {
            continue;
        };
        if built != VERSION && !built.starts_with(&format!("{VERSION}.")) {
            return Err(format!(
                "it was built against kiwi:loader@{built}: expected {VERSION}.x; build it against this host's wit/loader.wit, \
                 or run a kiwi-host that offers {built}"
            ));
        }
        if version.as_deref().is_none_or(|known| patch(known) <= patch(built)) {
            version = Some(built.to_owned());
        }
    }
    Ok(version)
}

/// What is wrong with a component that does not fit this host: if it was built against a later version of the contract,
/// this host is too old for it.
pub(super) fn misfit(contract: Option<&str>, error: String) -> String {
    match contract.filter(|built| patch(built) > patch(CONTRACT)) {
        Some(built) => format!(
            "it needs a newer kiwi-host: it was built against kiwi:loader@{built} and uses what kiwi:loader@{CONTRACT}, which \
             this host offers, does not have; expected {CONTRACT}: update kiwi-host"
        ),
        None => error,
    }
}

/// The last number of a version of the contract.
fn patch(version: &str) -> u64 {
    let last = version.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    let digits = last.find(|char: char| !char.is_ascii_digit()).map_or(last, |end| &last[..end]);
    digits.parse().unwrap_or(0)
}

/// Whether a component exports `load-from-source` at the contract's type, whatever it imports.
///
/// # Errors
/// A sentence that says what is wrong with the export.
pub(super) fn check_export(component: &Component, engine: &Engine) -> Result<(), String> {
    if component.component_type().get_export(engine, "load-from-source").is_none() {
        return Err("it does not export `load-from-source`: expected a component of world `kiwi:loader/loader`".into());
    }
    let mut anything = Linker::<State>::new(engine);
    anything
        .define_unknown_imports_as_traps(component)
        .and_then(|()| anything.instantiate_pre(component))
        .and_then(Loader::new)
        .map(drop)
        .map_err(|error| {
            format!(
                "its `load-from-source` is of another type than the contract's: expected \
                 `func() -> result<list<entry>, load-error>` as in wit/loader.wit ({})",
                printable::message(&format!("{error:#}"))
            )
        })
}

/// Whether a component imports only what we offer.
///
/// # Errors
/// A sentence that names the first import we do not offer.
pub(super) fn check_imports(component: &Component, engine: &Engine) -> Result<(), String> {
    for (name, _) in component.component_type().imports(engine) {
        if !is_offered(name) {
            return Err(format!(
                "it imports {}, which this host does not offer: expected only kiwi:loader@{VERSION}, WASI 0.2 and wasi:http; \
                 build it against this host's wit/loader.wit, or update kiwi-host",
                printable::quoted(name)
            ));
        }
    }
    Ok(())
}

fn is_offered(import: &str) -> bool {
    let Some((package, rest)) = import.split_once('/') else { return false };
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    match package {
        "kiwi:loader" => INTERFACES.contains(&interface) && version.starts_with(VERSION),
        _ => WASI.contains(&package) && version.starts_with("0.2."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_that_of_the_wit() {
        let wit = include_str!("../../wit/loader.wit");
        assert!(wit.contains(&format!("package kiwi:loader@{CONTRACT};")));
        assert_eq!(["0.1", "0.1.0", "0.1.12", "0.1.3-rc.1", "0.2.7"].map(patch), [0, 0, 12, 3, 0]);
    }

    #[test]
    fn bytes_that_are_no_component_are_told_apart() {
        assert_eq!(check_bytes(b"\0asm\x0d\0\x01\0rest"), Ok(()));
        for (bytes, says) in [
            (&b"\0asm\x01\0\0\0"[..], "core WebAssembly module"),
            (b"\0asm\x0d", "ends within"),
            (b"\0asm\x09\0\x09\0", "does not know"),
            (b"#!/bin/sh", "not WebAssembly"),
            (b"", "not WebAssembly"),
        ] {
            let error = check_bytes(bytes).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn an_import_is_offered_by_package_interface_and_version() {
        for good in
            ["kiwi:loader/http@0.1.0", "kiwi:loader/mark@0.1.7", "wasi:io/streams@0.2.12", "wasi:http/types@0.2.6"]
        {
            assert!(is_offered(good), "{good}");
        }
        for bad in [
            "acme:db/sql@1.0.0",
            "kiwi:loader/queues@0.1.2",
            "wasi:io/streams@0.3.0",
            "wasi:keyvalue/store@0.2.0",
            "env",
        ] {
            assert!(!is_offered(bad), "{bad}");
        }
    }
}
