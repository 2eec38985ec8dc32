//! What all figures are measured with: the programs, the sizes, and a temporary directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The programs, which `cargo xtask bench` has built.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Programs {
    /// Loader to measure: `bench_map.wasm` of tests/guests
    #[arg(long, value_name = "FILE")]
    pub(crate) guest: PathBuf,
    /// The plugin `table`
    #[arg(long, value_name = "FILE")]
    pub(crate) table: PathBuf,
    /// The `kiwi-host` command
    #[arg(long, value_name = "FILE")]
    pub(crate) kiwi_host: PathBuf,
    /// Python interpreter that has kiwi-cache
    #[arg(long, value_name = "FILE")]
    pub(crate) python: PathBuf,
    /// Program that reads from moka
    #[arg(long, value_name = "FILE")]
    pub(crate) moka: PathBuf,
    /// Program that holds a map as JSON text
    #[arg(long, value_name = "FILE")]
    pub(crate) untyped_reader: PathBuf,
}

/// The programs, the sizes, and a temporary directory.
pub(crate) struct Setup {
    pub(crate) programs: Programs,
    pub(crate) size: Size,
    pub(crate) runtime: Runtime,
    directory: TempDir,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// The sizes that the targets apply to.
    Full,
    /// Just enough to test that all of it works: the figures mean nothing.
    Quick,
}

impl Setup {
    pub(crate) fn new(mut programs: Programs, size: Size) -> Result<Self> {
        // Absolute, because kiwi.toml files in other directories name it.
        programs.guest = std::path::absolute(programs.guest)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let directory = tempfile::Builder::new().prefix("kiwi-bench-").tempdir()?;
        Ok(Self { programs, size, runtime, directory })
    }

    /// The first value, or with `--quick` the second.
    pub(crate) fn full_or_quick<T>(&self, full: T, quick: T) -> T {
        match self.size {
            Size::Full => full,
            Size::Quick => quick,
        }
    }

    /// How often each figure is measured.
    pub(crate) fn runs(&self) -> usize {
        self.full_or_quick(5, 1)
    }

    /// The number of entries of the large map.
    pub(crate) fn entries(&self) -> u32 {
        self.full_or_quick(1_000_000, 5_000)
    }

    /// The directory for compiled components, shared by all figures.
    pub(crate) fn compile_cache(&self) -> PathBuf {
        self.directory.path().join("compiled")
    }

    /// A new directory, which is removed with the setup.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let directory = tempfile::Builder::new().prefix(name).tempdir_in(self.directory.path())?;
        Ok(directory.keep())
    }
}

/// The repository's directory.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("kiwi-bench is in host/bench")
}

/// A path as text, for kiwi.toml and command lines.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
