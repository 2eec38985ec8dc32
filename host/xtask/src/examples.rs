//! Building the examples, which are Cargo workspaces of their own.

use anyhow::Result;

use crate::cargo::{cargo_in, target_dir};
use crate::command::Run;
use crate::workspace;

/// Builds the service that embeds the host. The tests look for it beside the `kiwi-host` command.
pub(crate) fn build() -> Result<()> {
    cargo("build")?.run()
}

/// `cargo TASK` on the service, in the host's target directory: most dependencies are the same.
pub(crate) fn cargo(task: &str) -> Result<Run> {
    Ok(cargo_in(&workspace::embed(), task, &target_dir()?))
}
