//! A plot: how it is called, and how it is drawn.

use std::path::Path;

use anyhow::Result;

use crate::setup::Setup;

/// One plot.
pub(crate) struct Plot {
    /// The name of its file in docs/, without `.svg`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Measures, and draws into a file.
    pub(crate) draw: fn(&Setup, &Path) -> Result<()>,
}
