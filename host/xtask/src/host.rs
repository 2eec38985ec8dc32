//! Building the `kiwi-host` command.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo::{Artifact, cargo};

/// Builds the command and returns its path.
pub(crate) fn build_command() -> Result<PathBuf> {
    let mut command = None;
    cargo("build").args(["--package", "kiwi-host-cli", "--message-format", "json-render-diagnostics"]).run_with_lines(
        |line| {
            let executable = Artifact::parse(line).and_then(|artifact| artifact.executable());
            command = executable.or(command.take());
        },
    )?;
    command.context("cargo did not name the built command")
}
