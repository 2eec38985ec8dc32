//! Reads entries from JSON, NDJSON and CSV, one row at a time: what the loaders `file` and `http` have in common.
//!
//! A row is parsed only as far as its key requires, and numbers keep the digits that they are written with. No more than
//! one row is in memory at a time.

mod column;
mod csv;
mod decimal;
mod entries;
mod field;
mod filter;
mod format;
#[cfg(test)]
mod fuzz;
mod json;
mod key;
mod ndjson;
pub mod near;
mod packing;
mod places;
mod pointer;
mod row;
mod scan;
mod selection;
mod settings;
#[cfg(test)]
mod testing;
mod unseen;

pub use column::ColumnType;
pub use entries::{Entries, Text, entries};
pub use filter::Accepted;
pub use format::Format;
pub use key::{Key, OnMissingKey};
pub use packing::Packing;
pub use pointer::Pointer;
pub use settings::RowSettings;
