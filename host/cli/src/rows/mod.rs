//! The rows on standard input, as the loader of the cache that `kiwi-host publish` publishes: NDJSON, JSON or CSV.
//!
//! The rules are those of the plugins `file` and `http`: both use the crate kiwi-rows (rows). Here nothing runs in a
//! sandbox, so the readers themselves bound what they hold: one row at a time, and no row that is longer than the limits of
//! its cache allow.

mod bounds;
mod csv;
#[cfg(test)]
mod fuzz;
mod given;
mod json;
mod key;
mod ndjson;
mod problem;
mod row;
mod shape;

pub(crate) use given::{Given, MARK};
pub(crate) use shape::Shape;
