//! What a server returns in a test.

use serde::Serialize;

use crate::Error;

/// What a server returns in a test, to be registered with a [`Host`](super::Host).
///
/// ```
/// use kiwi_loader::Error;
/// use kiwi_loader::testing::{Response, json};
///
/// let rates = Response::json(json!({ "USD": 1.105 })).header("etag", "\"v1\"");
/// let unchanged = Response::status(304);
/// let away = Response::error(Error::unavailable("connection refused"));
/// let cut_off = Response::text("{\"USD\": 1.1").then_error(Error::unavailable("the server closed the connection"));
/// # let _ = (rates, unchanged, away, cut_off);
/// ```
#[derive(Clone, Debug)]
pub struct Response {
    pub(super) head: Result<Head, Error>,
    pub(super) body: Vec<u8>,
    /// What follows the body.
    pub(super) end: Result<(), Error>,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Where redirects led, if not to the URL that was asked for.
    pub(super) url: Option<String>,
}

impl Response {
    /// A response with this status and no body.
    pub fn status(status: u16) -> Self {
        Self { head: Ok(Head { status, headers: Vec::new(), url: None }), body: Vec::new(), end: Ok(()) }
    }

    /// Status 200, and a body of text or other bytes.
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).body(body)
    }

    /// Status 200, and a body of JSON.
    ///
    /// # Panics
    /// The body cannot be written as JSON.
    pub fn json(body: impl Serialize) -> Self {
        let body = serde_json::to_vec(&body).expect("the body of the response is JSON");
        Self::status(200).header("content-type", "application/json").body(body)
    }

    /// No response: sending the request fails with this error.
    pub fn error(error: Error) -> Self {
        Self { head: Err(error), body: Vec::new(), end: Ok(()) }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(head) = &mut self.head {
            head.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// Comes from this URL, as after a redirect.
    #[must_use]
    pub fn redirected_to(mut self, url: &str) -> Self {
        if let Ok(head) = &mut self.head {
            head.url = Some(url.to_owned());
        }
        self
    }

    /// Breaks off after the body: reading on fails with this error.
    #[must_use]
    pub fn then_error(self, error: Error) -> Self {
        Self { end: Err(error), ..self }
    }
}
