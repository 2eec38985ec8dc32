//! The command with its plugins, as an archive that is unpacked anywhere, and as the files of a container image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::target::Target;
use super::tools::{VERSION, source_date};
use crate::command::Run;
use crate::workspace;

/// Where the command looks for its plugins, from the directory above its own.
const PLUGINS: &str = "share/kiwi-host/plugins";
const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Lays the files out as they are below a prefix such as `/usr`.
pub(super) fn lay_out(tree: &Path, command: &Path, plugins: &[PathBuf]) -> Result<()> {
    copy(command, &tree.join("bin/kiwi-host"), 0o755)?;
    for plugin in plugins {
        let name = plugin.file_name().context("a plugin has a file name")?;
        copy(plugin, &tree.join(PLUGINS).join(name), 0o644)?;
    }
    for name in DOCUMENTS {
        copy(&workspace::root().join(name), &tree.join("share/doc/kiwi-host").join(name), 0o644)?;
    }
    let unit = "kiwi-host.service";
    copy(&workspace::deploy().join(unit), &tree.join("share/doc/kiwi-host").join(unit), 0o644)
}

/// Packs the files, in one directory with the name of the archive. The same files give the same archive.
pub(super) fn pack(tree: &Path, target: Target, out: &Path) -> Result<()> {
    let name = format!("kiwi-host-{VERSION}-{target}");
    Run::new("tar")
        .args([
            "--create",
            "--use-compress-program=gzip -9n",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--format=gnu",
        ])
        .arg(format!("--mtime=@{}", source_date()?))
        .arg(format!("--transform=s,^\\.,{name},"))
        .arg("--file")
        .arg(out.join(format!("{name}.tar.gz")))
        .arg("--directory")
        .arg(tree)
        .arg(".")
        .run()
}

/// The files of the image, where `examples/deploy/Dockerfile` copies them from.
pub(super) fn lay_out_image(tree: &Path, target: Target, out: &Path) -> Result<()> {
    let usr = out.join("image").join(target.image_architecture()).join("usr");
    for below in ["bin", PLUGINS] {
        for file in fs::read_dir(tree.join(below))? {
            let file = file?.path();
            let name = file.file_name().context("a file has a name")?;
            copy(&file, &usr.join(below).join(name), if below == "bin" { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

/// Copies a file, creating its directory, with these permissions whatever the umask.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let failed = || format!("could not copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to.parent().context("a file has a directory")?).with_context(failed)?;
    fs::copy(from, to).with_context(failed)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(failed)
}
