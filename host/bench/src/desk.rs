//! What all figures are measured with: the sizes, and where the programs lie.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where things lie that were built before.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Places {
    /// The loader that is measured: `bench_map.wasm` of tests/guests
    #[arg(long, value_name = "FILE")]
    pub(crate) guest: PathBuf,
    /// The `kiwi-host` command
    #[arg(long, value_name = "FILE")]
    pub(crate) kiwi_host: PathBuf,
    /// The Python that has kiwi-cache
    #[arg(long, value_name = "FILE")]
    pub(crate) python: PathBuf,
    /// The program that reads from moka
    #[arg(long, value_name = "FILE")]
    pub(crate) moka: PathBuf,
}

/// The sizes, the places, and a directory for whatever a figure needs.
pub(crate) struct Desk {
    pub(crate) places: Places,
    pub(crate) size: Size,
    pub(crate) runtime: Runtime,
    directory: TempDir,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// What the targets are about.
    Whole,
    /// Just enough to see that all of it works: the figures mean nothing.
    Quick,
}

impl Desk {
    pub(crate) fn new(mut places: Places, size: Size) -> Result<Self> {
        // Configurations name it from other directories.
        places.guest = std::path::absolute(places.guest)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let directory = tempfile::Builder::new().prefix("kiwi-bench-").tempdir()?;
        Ok(Self { places, size, runtime, directory })
    }

    /// The larger number, or the smaller one where it is to be quick.
    pub(crate) fn whole_or_quick<T>(&self, whole: T, quick: T) -> T {
        match self.size {
            Size::Whole => whole,
            Size::Quick => quick,
        }
    }

    /// How often each is measured.
    pub(crate) fn runs(&self) -> usize {
        self.whole_or_quick(5, 1)
    }

    /// How large the large map is.
    pub(crate) fn entries(&self) -> u32 {
        self.whole_or_quick(1_000_000, 5_000)
    }

    /// Where components are kept compiled, for all figures.
    pub(crate) fn compiled(&self) -> PathBuf {
        self.directory.path().join("compiled")
    }

    /// An empty directory of one's own, which is gone with the desk.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let directory = tempfile::Builder::new().prefix(name).tempdir_in(self.directory.path())?;
        Ok(directory.keep())
    }
}

/// The repository's directory.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("kiwi-bench lies at host/bench")
}

/// A path as text, which those of a bench are.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))
}
