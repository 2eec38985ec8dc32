//! One attempt to refill a cache: take the lease, run the loader, publish all of its map or nothing.
//!
//! The steps hand values to each other: `begin` gives a lease and a base, `load` gives what was loaded
//! and delivered, `decide` makes a plan of these, `stage` and `commit` carry it out.

pub(crate) mod attempt;
pub(crate) mod backoff;
mod commit;
pub(crate) mod context;
mod delivery;
pub(crate) mod dry;
mod fail;
pub(crate) mod follow_up;
mod lease;
mod plan;
pub(crate) mod prolong;
mod recall;
mod restore;
mod spool;
mod stage;
pub(crate) mod turn;
