//! The figures, one file for each group that is measured together. To find a figure, search for its name.

mod all;
mod cold_start;
mod copies;
mod delta_apply;
mod full_refill;
mod group;
mod large_delta;
mod local_read;
mod many_caches;
mod no_memory;
mod peak_memory;
mod quiet_refill;
mod reader_load;
mod reader_memory;
mod remote_read;
mod small_refill;
mod stall;
mod store_memory;
mod subscribers;
mod tables;

pub(crate) use all::GROUPS;
pub(crate) use group::Group;
