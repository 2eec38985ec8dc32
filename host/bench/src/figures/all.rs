//! All figures, in the order of BENCHMARKS.md.

use super::group::Group;
use super::{
    cold_start, copies, delta_apply, full_refill, large_delta, local_read, many_caches, no_memory, peak_memory,
    quiet_refill, reader_load, reader_memory, remote_read, small_refill, stall, store_memory, subscribers, tables,
};

pub(crate) const GROUPS: &[Group] = &[
    full_refill::GROUP,
    quiet_refill::GROUP,
    no_memory::GROUP,
    large_delta::GROUP,
    stall::GROUP,
    peak_memory::GROUP,
    store_memory::GROUP,
    local_read::GROUP,
    remote_read::GROUP,
    reader_load::GROUP,
    reader_memory::GROUP,
    copies::GROUP,
    delta_apply::GROUP,
    subscribers::GROUP,
    small_refill::GROUP,
    cold_start::GROUP,
    many_caches::GROUP,
    tables::POSTGRES,
    tables::OTHERS,
];
