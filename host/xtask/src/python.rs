//! Virtual environments of Python: the one with kiwi-cache, for the tests that run it side by side with ours, the one of
//! the reference reader, the one that makes components of Python, and those of the Python reader.

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

/// Creates the environment of kiwi-cache, at `tools/kiwi-cache` in the target directory, where the tests look for it.
pub(crate) fn install_kiwi_cache() -> Result<()> {
    install(
        "python3",
        "tests/kiwi_cache",
        &kiwi_cache()?,
        &["-W", "ignore", "-c", "import kw.cache.dbcache, psycopg2, pymysql"],
    )
}

/// Creates the environment of the reference reader, at `tools/conformance` in the target directory.
pub(crate) fn install_reference_reader() -> Result<()> {
    let venv = target_dir()?.join("tools/conformance");
    install("python3", "tests/conformance/reference", &venv, &["-c", "import redis, xxhash, zstandard"])
}

/// The Python interpreter of the environment of kiwi-cache.
pub(crate) fn interpreter_of_kiwi_cache() -> Result<PathBuf> {
    Ok(kiwi_cache()?.join("bin/python"))
}

fn kiwi_cache() -> Result<PathBuf> {
    Ok(target_dir()?.join("tools/kiwi-cache"))
}

/// Creates the environment of `cargo xtask dist`, and returns its directory of programs.
pub(crate) fn install_dist() -> Result<PathBuf> {
    let venv = target_dir()?.join("tools/dist");
    install("python3", "host/xtask/dist", &venv, &["-c", "import hatchling, twine, ziglang"])?;
    Ok(venv.join("bin"))
}

/// Creates the environment that makes components of Python, and returns its `componentize-py`.
pub(crate) fn install_componentize_py() -> Result<PathBuf> {
    let venv = target_dir()?.join("tools/componentize-py");
    install("python3", "tests/kept/python", &venv, &["-c", "import componentize_py"])?;
    Ok(venv.join("bin/componentize-py"))
}

/// Creates an environment of an interpreter with the requirements of a directory, unless it is there, and tries it.
pub(crate) fn install(interpreter: &str, sources: &str, venv: &Path, attempt: &[&str]) -> Result<()> {
    let requirements = workspace::root().join(sources).join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("could not read {}", requirements.display()))?;
    // The interpreter links to the system's, which may have been removed.
    let python = venv.join("bin/python");
    if fs::read_to_string(venv.join(REQUIREMENTS)).is_ok_and(|installed| installed == wanted)
        && Run::new(&python).arg("--version").succeeds()
    {
        return Ok(());
    }
    remove(venv)?;
    install_python(interpreter)?;
    Run::new(interpreter).args(["-m", "venv"]).arg(venv).run()?;
    Run::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(&requirements)
        .run()?;
    Run::new(&python).args(attempt).run()?;
    fs::write(venv.join(REQUIREMENTS), wanted).with_context(|| format!("could not write {}", venv.display()))
}

/// Installs a Python that can create virtual environments; Debian's needs a package for that.
pub(crate) fn install_python(interpreter: &str) -> Result<()> {
    let is_suitable =
        || Run::new(interpreter).args(["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 9)"]);
    if is_suitable().succeeds() {
        return Ok(());
    }
    if interpreter != "python3" {
        bail!("`{interpreter}` is missing or older than 3.9, or has no module venv");
    }
    debian::install("python3-venv", "Python 3.9 or newer, with its module venv, as `python3`")?;
    if !is_suitable().succeeds() {
        bail!("`python3` is older than 3.9, or has no module venv: put a newer one first in PATH");
    }
    Ok(())
}

pub(crate) fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
