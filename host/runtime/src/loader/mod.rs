//! What a loader is, whichever kind: the trait for loaders in Rust, what they write to, the mark they
//! leave, and how they describe themselves.

pub(crate) mod deadline;
pub(crate) mod description;
pub(crate) mod load;
pub(crate) mod load_error;
pub(crate) mod mark;
pub(crate) mod native;
pub(crate) mod output;
