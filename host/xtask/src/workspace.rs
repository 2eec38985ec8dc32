//! Where things lie: this repository's Cargo workspaces and their target directories.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::Run;

/// What loaders are compiled to.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// The repository's directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask lies at host/xtask")
}

/// The directory of the loaders we ship: their sources, and the built components.
pub(crate) fn plugins() -> PathBuf {
    root().join("plugins")
}

/// The directory of the hostile and odd components that the tests run.
pub(crate) fn guests() -> PathBuf {
    root().join("tests/guests")
}

/// The example of a service that embeds the host.
pub(crate) fn embed() -> PathBuf {
    root().join("examples/embed")
}

/// The program that reads from moka for `cargo xtask bench`.
pub(crate) fn moka_reads() -> PathBuf {
    root().join("host/bench/peers/moka")
}

/// Where the host's own workspace is built: `CARGO_TARGET_DIR`, a Cargo configuration, or `target`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = Run::cargo("metadata").args(["--no-deps", "--format-version", "1"]).capture()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata gives JSON")?;
    let dir = metadata["target_directory"].as_str().context("cargo metadata names the target directory")?;
    Ok(dir.into())
}

/// `cargo TASK` in a workspace of its own, built beside its sources whatever `CARGO_TARGET_DIR` says:
/// the tests, and `inspect` in a fresh clone, look for components there.
pub(crate) fn cargo_in(dir: &Path, task: &str) -> Run {
    Run::cargo(task).arg("--manifest-path").arg(dir.join("Cargo.toml")).arg("--target-dir").arg(dir.join("target"))
}
