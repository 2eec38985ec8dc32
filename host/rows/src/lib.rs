//! Rows in JSON, NDJSON and CSV: where each one ends, which line it is in, and what its key is. Also, which name
//! somebody meant who has misspelt one.
//!
//! The command (`kiwi-host publish`) and the plugins `file` and `http` read rows by the same rules, so the rules are
//! here. This crate knows neither the host nor the contract between host and plugins: what a flag or a setting is
//! called, and what an error leads to, is said by those who use it.
//!
//! One row is in memory at a time. Numbers keep the digits that they are written with.

pub mod csv;
mod error;
mod field;
mod key;
mod ndjson;
pub mod near;
mod object;
pub mod pointer;
mod scan;

pub use error::{Error, Problem, Result};
pub use field::Field;
pub use key::{Key, NoKey, NoText, text};
pub use ndjson::{Line, Lines};
pub use object::{Object, label};
pub use scan::Scanner;
