//! One file for each subcommand, and what several of them share.

pub(crate) mod check;
mod diff;
mod dry_run;
pub(crate) mod dump;
pub(crate) mod forget;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod keys;
mod missing_secrets;
mod no_such_cache;
pub(crate) mod plugins;
pub(crate) mod publish;
pub(crate) mod refill;
pub(crate) mod run;
mod run_once;
mod same_value;
mod snapshot;
mod start;
pub(crate) mod status;
