//! The wheel `kiwi-host`: the command and its plugins for `pip`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::archive::copy;
use super::target::Target;
use super::tools::{Tools, VERSION, source_date};
use crate::cargo::target_dir;
use crate::workspace;

/// The sources of the package, beside which the command and its plugins are put.
const SOURCES: [&str; 5] =
    ["pyproject.toml", "hatch_build.py", "README.md", "kiwi_host/__init__.py", "kiwi_host/__main__.py"];

/// Builds and checks the wheel of one target, with the files that are laid out in `tree`.
pub(super) fn build(target: Target, tools: &Tools, tree: &Path, out: &Path) -> Result<()> {
    let project = target_dir()?.join("wheel").join(target.triple());
    if project.exists() {
        fs::remove_dir_all(&project).with_context(|| format!("could not empty {}", project.display()))?;
    }
    for name in SOURCES {
        copy(&workspace::wheel().join(name), &project.join(name), 0o644)?;
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&workspace::root().join(name), &project.join(name), 0o644)?;
    }
    copy(&tree.join("bin/kiwi-host"), &project.join("bin/kiwi-host"), 0o755)?;
    for plugin in fs::read_dir(tree.join("share/kiwi-host/plugins"))? {
        let plugin = plugin?;
        copy(&plugin.path(), &project.join("plugins").join(plugin.file_name()), 0o644)?;
    }
    tools
        .python("hatchling")
        .args(["build", "--target", "wheel", "--directory"])
        .arg(out)
        .current_dir(&project)
        .env("KIWI_VERSION", VERSION)
        .env("KIWI_PLATFORM", target.wheel_platform())
        .env("SOURCE_DATE_EPOCH", source_date()?)
        .run()?;
    let wheel = out.join(format!("kiwi_host-{VERSION}-py3-none-{}.whl", target.wheel_platform()));
    tools.python("twine").args(["check", "--strict"]).arg(wheel).run()
}
