//! What `cargo xtask dist` builds with. It is installed into the target directory.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::{python, setup};

/// The version of everything that is published: that of the workspace, and so of this program.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The tools: cargo-zigbuild with zig, hatchling, twine and cargo-cyclonedx.
pub(super) struct Tools {
    /// `bin` of the Python environment.
    python_bin: PathBuf,
    cyclonedx: PathBuf,
}

impl Tools {
    pub(super) fn install() -> Result<Self> {
        // The resolved path: cargo builds everything again if the path of the linker changes.
        let python_bin = fs::canonicalize(python::install_dist()?)?;
        Ok(Self { python_bin, cyclonedx: setup::cargo_cyclonedx()? })
    }

    /// `cargo zigbuild`: cargo, with zig as the C compiler and linker.
    pub(super) fn zigbuild(&self) -> Run {
        // It looks for zig as a module of `python3` in PATH.
        Run::new(self.python_bin.join("cargo-zigbuild")).arg("zigbuild").env("PATH", self.path())
    }

    /// A program of the Python environment.
    pub(super) fn python(&self, program: &str) -> Run {
        Run::new(self.python_bin.join(program))
    }

    /// `cargo cyclonedx`.
    pub(super) fn cyclonedx(&self) -> Run {
        Run::new(&self.cyclonedx).arg("cyclonedx")
    }

    fn path(&self) -> OsString {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.python_bin.clone()).chain(std::env::split_paths(&others));
        std::env::join_paths(all).unwrap_or(others)
    }
}

/// Which commit is packed, as seconds since 1970: packing it again gives the same bytes.
pub(super) fn source_date() -> Result<String> {
    let date = Run::new("git").args(["log", "-1", "--format=%ct"]).capture()?;
    let date = date.trim().to_owned();
    date.parse::<u64>().context("git did not print the date of the commit")?;
    Ok(date)
}
