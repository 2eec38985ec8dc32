//! Building the examples, which are Cargo workspaces of their own.

use anyhow::Result;

use crate::command::Run;
use crate::workspace;

/// Builds the service that embeds the host: the tests find it beside the `kiwi-host` command.
pub(crate) fn build() -> Result<()> {
    cargo("build")?.run()
}

/// `cargo TASK` on the service, sharing what is built for the host as far as it is the same.
pub(crate) fn cargo(task: &str) -> Result<Run> {
    let manifest = workspace::embed().join("Cargo.toml");
    Ok(Run::cargo(task).arg("--manifest-path").arg(manifest).arg("--target-dir").arg(workspace::target_dir()?))
}
