//! Which caches run: a task for each, which can be added, replaced and ended while the host runs.
//!
//! `schedule` says when a cache is due, `watch` and `asks` find data that is gone and readers that ask,
//! `on_demand` loads now, for people and for `read_through`; `report` tells other machines what runs here.

mod asks;
pub(crate) mod caches;
mod host_name;
mod on_demand;
pub(crate) mod read_through;
mod report;
pub(crate) mod run;
mod schedule;
pub(crate) mod shared;
mod task;
mod watch;
