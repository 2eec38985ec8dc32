//! An HTTP response in a guest's hands.

use http::HeaderMap;

use crate::outside::http::Body;

/// An HTTP response in a guest's hands.
#[allow(unreachable_pub, reason = "the generated bindings name it where they are public")]
pub struct Response {
    pub(super) status: u16,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
