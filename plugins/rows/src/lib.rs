//! Reads entries from JSON, NDJSON and CSV, one row at a time: what the loaders `file` and `http` have in common.
//!
//! How rows, keys and columns are found is in the crate kiwi-rows, which `kiwi-host publish` uses too. Here are the
//! settings that choose among them. No more than one row is in memory at a time.

mod column;
mod csv;
mod decimal;
mod entries;
mod failed;
mod filter;
mod format;
#[cfg(test)]
mod fuzz;
mod json;
mod key;
mod ndjson;
mod packing;
mod places;
mod pointer;
mod selection;
mod settings;
#[cfg(test)]
mod testing;
mod unseen;

pub use column::ColumnType;
pub use entries::{Entries, Text, entries};
pub use filter::Accepted;
pub use format::Format;
pub use key::{KeySetting, OnMissingKey};
pub use packing::Packing;
pub use pointer::Pointer;
pub use settings::RowSettings;
