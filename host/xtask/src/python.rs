//! Python's kiwi-cache in a virtual environment, for the tests that run it side by side with ours.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cargo::target_dir;
use crate::command::Run;
use crate::{debian, workspace};

/// All packages to install, each with its version and hashes. The file is copied into the environment
/// as the last step: an environment without the same text is incomplete.
const REQUIREMENTS: &str = "requirements.txt";

/// Creates the environment, at `tools/kiwi-cache` in the target directory, where the tests look for it.
pub(crate) fn install_kiwi_cache() -> Result<()> {
    let venv = environment()?;
    let requirements = workspace::root().join("tests/kiwi_cache").join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("could not read {}", requirements.display()))?;
    // The interpreter links to the system's, which may have been removed.
    let python = venv.join("bin/python");
    if fs::read_to_string(venv.join(REQUIREMENTS)).is_ok_and(|installed| installed == wanted)
        && Run::new(&python).arg("--version").succeeds()
    {
        return Ok(());
    }
    remove(&venv)?;
    install_python()?;
    Run::new("python3").args(["-m", "venv"]).arg(&venv).run()?;
    Run::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(&requirements)
        .run()?;
    Run::new(&python).args(["-W", "ignore", "-c", "import kw.cache.dbcache, psycopg2, pymysql"]).run()?;
    fs::write(venv.join(REQUIREMENTS), wanted).with_context(|| format!("could not write {}", venv.display()))
}

/// The Python interpreter of that environment.
pub(crate) fn interpreter_of_kiwi_cache() -> Result<PathBuf> {
    Ok(environment()?.join("bin/python"))
}

fn environment() -> Result<PathBuf> {
    Ok(target_dir()?.join("tools/kiwi-cache"))
}

/// Installs a Python that can create virtual environments; Debian's needs a package for that.
fn install_python() -> Result<()> {
    let is_suitable =
        || Run::new("python3").args(["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 9)"]);
    if is_suitable().succeeds() {
        return Ok(());
    }
    debian::install("python3-venv", "Python 3.9 or newer, with its module venv, as `python3`")?;
    if !is_suitable().succeeds() {
        bail!("`python3` is older than 3.9, or has no module venv: put a newer one first in PATH");
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
