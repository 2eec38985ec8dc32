//! The figures, by what is measured together. To find one, look for its name.

mod cold_start;
mod delta_apply;
mod full_refill;
mod local_read;
mod many_caches;
mod peak_memory;
mod quiet_refill;
mod reader_load;
mod remote_read;
mod small_refill;
mod stall;

use anyhow::Result;

use crate::desk::Desk;
use crate::figure::{Figure, Measured};

/// Figures that are measured together.
pub(crate) struct Group {
    pub(crate) figures: &'static [&'static Figure],
    pub(crate) measure: fn(&Desk) -> Result<Vec<Measured>>,
}

/// All of them, in the order of BENCHMARKS.md.
pub(crate) const GROUPS: &[Group] = &[
    full_refill::GROUP,
    quiet_refill::GROUP,
    stall::GROUP,
    peak_memory::GROUP,
    local_read::GROUP,
    remote_read::GROUP,
    reader_load::GROUP,
    delta_apply::GROUP,
    small_refill::GROUP,
    cold_start::GROUP,
    many_caches::GROUP,
];
