//! What the macros of this crate expand to. It may change in any version.

pub use serde;

pub use crate::loader::{Loaded, describe as describe_loader, load, summarize};
pub use crate::settings::private::*;
