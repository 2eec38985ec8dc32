//! Running cargo in this repository's workspaces, and where it builds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::Run;

/// `cargo TASK` in the host's workspace, with the cargo that runs this program.
pub(crate) fn cargo(task: &str) -> Run {
    Run::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).arg(task)
}

/// `cargo TASK` in another workspace, with a target directory of its own.
pub(crate) fn cargo_in(workspace: &Path, task: &str, target_dir: &Path) -> Run {
    cargo(task).arg("--manifest-path").arg(workspace.join("Cargo.toml")).arg("--target-dir").arg(target_dir)
}

/// Where the host's workspace is built: `CARGO_TARGET_DIR`, a Cargo configuration, or `target`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = cargo("metadata").args(["--no-deps", "--format-version", "1"]).capture()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata did not print JSON")?;
    let dir = metadata["target_directory"].as_str().context("cargo metadata did not name the target directory")?;
    Ok(dir.into())
}

/// The target directory for checking and testing another workspace: in the host's, so that a fresh
/// clone finds the dependencies built. Its artifacts are not used by path: two clones that share the
/// directory would overwrite each other's.
pub(crate) fn shared_target_dir(workspace: &Path) -> Result<PathBuf> {
    let name = workspace.file_name().context("a workspace is not the root directory")?;
    Ok(target_dir()?.join("workspaces").join(name))
}

/// What cargo's messages (`--message-format json`) say about one artifact.
pub(crate) struct Artifact(Value);

impl Artifact {
    /// Parses one line of cargo's output.
    pub(crate) fn parse(message: &str) -> Option<Self> {
        serde_json::from_str(message).ok().map(Self)
    }

    /// The component that was built.
    pub(crate) fn component(&self) -> Option<PathBuf> {
        let files = self.0["filenames"].as_array()?;
        files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
    }

    /// The executable that was built.
    pub(crate) fn executable(&self) -> Option<PathBuf> {
        self.0["executable"].as_str().map(PathBuf::from)
    }
}
