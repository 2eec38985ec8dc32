//! The plots: how long a refill takes, by the size of the map and by how much of it has changed.

mod by_change;
mod by_size;
mod drawing;

use std::path::Path;

use anyhow::Result;

use crate::desk::Desk;

/// A plot, by its name: that of its file in docs/, without `.svg`.
pub(crate) struct Plot {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Measures, and draws into a file.
    pub(crate) draw: fn(&Desk, &Path) -> Result<()>,
}

/// Both, in the order of BENCHMARKS.md.
pub(crate) const PLOTS: &[Plot] = &[by_size::PLOT, by_change::PLOT];
