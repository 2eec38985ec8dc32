//! `cargo xtask dist`: builds what is published with a release, into one directory.

mod archive;
mod attempt;
mod checksums;
mod sbom;
mod target;
mod tools;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::target::Target;
use self::tools::Tools;
use crate::cargo::target_dir;
use crate::command::say;
use crate::{components, setup, workspace};

/// What to build, and where to put it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory to write to; what is in it is deleted first [default: dist in the target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Build only for this target; may be given several times
    #[arg(long = "target", value_name = "TARGET", value_enum)]
    targets: Vec<Target>,
    /// Build nothing: install the wheels of the directory in an empty root without a compiler, and read a value in Python
    #[arg(long = "try", conflicts_with = "targets")]
    try_wheels: bool,
}

/// Builds for each target. One that cannot be built is an error, after the others have been built.
pub(crate) fn run(args: &Args) -> Result<()> {
    let out = match &args.out {
        Some(out) => std::path::absolute(out).context("the output directory is not a valid path")?,
        None => target_dir()?.join("dist"),
    };
    if args.try_wheels {
        return attempt::run(&out);
    }
    let targets = if args.targets.is_empty() { Target::ALL.to_vec() } else { args.targets.clone() };
    setup::wasm_target()?;
    let plugins = components::build_plugins()?;
    let tools = Tools::install()?;
    replace(&out)?;
    let mut failures = Vec::new();
    for target in targets {
        match build(target, &tools, &plugins, &out) {
            Ok(()) => say(&format!("{target}: built")),
            Err(error) => failures.push(format!("{target}: {error:#}")),
        }
    }
    sbom::write(&tools, &plugins, &out)?;
    checksums::write(&out)?;
    say(&format!("published files are in {}; docs/releases.md says where each goes", workspace::shown(&out)));
    if !failures.is_empty() {
        bail!("not built:\n  {}", failures.join("\n  "));
    }
    Ok(())
}

fn build(target: Target, tools: &Tools, plugins: &[PathBuf], out: &Path) -> Result<()> {
    let command = target.build(tools)?;
    let tree = out.join("trees").join(target.triple());
    archive::lay_out(&tree, &command, plugins)?;
    archive::pack(&tree, target, out)?;
    if target.is_static() {
        archive::lay_out_image(&tree, target, out)?;
    }
    wheel::build(target, tools, &tree, out)
}

/// Makes an empty directory. One that something else than this command has filled is refused.
fn replace(out: &Path) -> Result<()> {
    if out.exists() {
        let is_ours = out.join(checksums::FILE).is_file() || fs::read_dir(out)?.next().is_none();
        if !is_ours {
            bail!(
                "{} is not empty, and has no {}: give another directory, or empty it",
                out.display(),
                checksums::FILE
            );
        }
        fs::remove_dir_all(out).with_context(|| format!("could not empty {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("could not create {}", out.display()))?;
    // Marks the directory as ours from now on, also if a build fails.
    fs::write(out.join(checksums::FILE), "").with_context(|| format!("could not write to {}", out.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_somebody_else_is_not_emptied() {
        let dir = tempdir("dist-replace");
        fs::write(dir.join("thesis.txt"), "").unwrap();
        assert!(replace(&dir).unwrap_err().to_string().contains("is not empty"));
        assert!(dir.join("thesis.txt").exists());
        fs::write(dir.join(checksums::FILE), "").unwrap();
        replace(&dir).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "a new mark, and nothing else");
        fs::remove_dir_all(&dir).unwrap();
    }

    /// An empty directory, which the test deletes at its end.
    pub(super) fn tempdir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("kiwi-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }
}
