//! HTTP on behalf of a loader: one client for every language and every contract version, which enforces the
//! cache's grants. Knows nothing of WebAssembly.

mod allowance;
mod body;
mod client;
mod codec;
mod connections;
mod decoder;
mod policy;
mod request;
mod resolver;

pub(crate) use allowance::{Allowance, Place};
pub(crate) use body::Body;
pub(crate) use client::{HttpClient, Response};
pub(crate) use connections::Connections;
pub(crate) use policy::Policy;
pub use policy::is_special;
pub(crate) use request::Request;
