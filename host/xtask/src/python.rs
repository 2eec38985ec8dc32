//! Python's own kiwi-cache, in a virtual environment, for the tests that live side by side with it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::{debian, workspace};

/// All packages that are installed, each with its version and its hashes. What was installed is
/// copied into the environment, last of all: only one with the same text is complete.
const REQUIREMENTS: &str = "requirements.txt";

/// The environment, at `tools/kiwi-cache` in the target directory, where the tests look for it.
pub(crate) fn kiwi_cache() -> Result<()> {
    let venv = environment()?;
    let requirements = workspace::root().join("tests/kiwi_cache").join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("{} cannot be read", requirements.display()))?;
    // The interpreter is a link to that of the system, which may be gone.
    let python = venv.join("bin/python");
    if fs::read_to_string(venv.join(REQUIREMENTS)).is_ok_and(|installed| installed == wanted)
        && Run::new(&python).arg("--version").succeeds()
    {
        return Ok(());
    }
    remove(&venv)?;
    interpreter()?;
    Run::new("python3").args(["-m", "venv"]).arg(&venv).run()?;
    Run::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(&requirements)
        .run()?;
    Run::new(&python).args(["-W", "ignore", "-c", "import kw.cache, kw.cache.dbcache"]).run()?;
    fs::write(venv.join(REQUIREMENTS), wanted).with_context(|| format!("{} cannot be written", venv.display()))
}

/// The interpreter that has kiwi-cache.
pub(crate) fn interpreter_of_kiwi_cache() -> Result<PathBuf> {
    Ok(environment()?.join("bin/python"))
}

fn environment() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("tools/kiwi-cache"))
}

/// A Python that can make virtual environments, which Debian's alone cannot.
fn interpreter() -> Result<()> {
    let suits = || Run::new("python3").args(["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 9)"]);
    if suits().succeeds() {
        return Ok(());
    }
    debian::install("python3-venv", "Python 3.9 or newer, with its module venv, as `python3`")?;
    if !suits().succeeds() {
        bail!("`python3` is older than 3.9, or has no module venv: let a newer one come first in PATH");
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", dir.display()))
        }
        _ => Ok(()),
    }
}
