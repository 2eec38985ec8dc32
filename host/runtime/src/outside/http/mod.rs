//! HTTP on behalf of a loader: one client for every language and every contract version, which enforces the
//! cache's grants. Knows nothing of WebAssembly.

mod allowance;
mod body;
mod client;
mod codec;
mod connections;
mod credentials;
mod decoder;
mod network;
mod placeholder;
mod policy;
mod request;
mod resolver;
mod retry_after;
mod token;

pub(crate) use allowance::{Allowance, Place};
pub(crate) use body::Body;
pub(crate) use client::{HttpClient, Response, SharedHttp};
pub use network::{check_certificates, proxy_address};
pub use policy::is_special;
pub(crate) use request::Request;
