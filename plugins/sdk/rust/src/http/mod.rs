//! HTTP. The host resolves names, connects, speaks TLS, follows redirects, decompresses, and checks each address
//! against the cache's grants.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use kiwi_loader::{Error, http};
//!
//! fn load_from_source() -> Result<BTreeMap<String, f64>, Error> {
//!     let response = http::get("https://example.com/rates").query("base", "EUR").send()?;
//!     Ok(response.error_for_status()?.json()?)
//! }
//! ```

mod error;
mod request;
mod response;
mod url;

pub use error::Error;
pub use request::Request;
pub use response::Response;
pub(crate) use url::origin;

/// A `GET` of an absolute URL.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST` to an absolute URL.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}
