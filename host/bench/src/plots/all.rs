//! All plots, in the order of BENCHMARKS.md.

use super::plot::Plot;
use super::{by_change, by_size};

pub(crate) const PLOTS: &[Plot] = &[by_size::PLOT, by_change::PLOT];
