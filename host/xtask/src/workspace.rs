//! Paths in this repository, and its Cargo workspaces.

use std::path::{Path, PathBuf};

/// The target that loaders are compiled for.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The directory of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask is in host/xtask")
}

/// A path as messages show it: relative to the repository, if it is in there.
pub(crate) fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(root()).unwrap_or(path).display()
}

/// The plugins we ship: their sources, and the built components.
pub(crate) fn plugins() -> PathBuf {
    root().join("plugins")
}

/// The crate that the plugins share with the host.
pub(crate) fn rows() -> PathBuf {
    root().join("host/rows")
}

/// The hostile and odd components that the tests run.
pub(crate) fn guests() -> PathBuf {
    root().join("tests/guests")
}

/// The published versions of the contract, and what is built against them.
pub(crate) fn kept() -> PathBuf {
    root().join("tests/kept")
}

/// The contract that plugins and guests are built against.
pub(crate) fn wit() -> PathBuf {
    root().join("wit")
}

/// The sources of the wheel.
pub(crate) fn wheel() -> PathBuf {
    root().join("host/wheel")
}

/// How the command is deployed.
pub(crate) fn deploy() -> PathBuf {
    root().join("examples/deploy")
}

/// The example of a service that embeds the host.
pub(crate) fn embed() -> PathBuf {
    root().join("examples/embed")
}

/// The reader for Python.
pub(crate) fn python_reader() -> PathBuf {
    root().join("host/python")
}

/// The program that reads from moka, for `cargo xtask bench`.
pub(crate) fn moka_reads() -> PathBuf {
    root().join("host/bench/peers/moka")
}
