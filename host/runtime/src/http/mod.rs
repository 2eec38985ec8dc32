//! HTTP on behalf of a loader: one door for every language and every contract version, where the
//! cache's grants are enforced. Knows nothing of WebAssembly.

mod allowance;
mod body;
mod door;
mod policy;

pub(crate) use allowance::Allowance;
pub(crate) use body::Body;
pub(crate) use door::{Answer, Door, Request};
pub(crate) use policy::Policy;
