//! Figures that are measured together.

use anyhow::Result;

use crate::figure::{Figure, Measured};
use crate::setup::Setup;

/// Figures that are measured together.
pub(crate) struct Group {
    pub(crate) figures: &'static [&'static Figure],
    pub(crate) measure: fn(&Setup) -> Result<Vec<Measured>>,
}
