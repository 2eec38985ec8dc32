//! Requests.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::url::{add_query, without_secrets};
use super::{Error, Response};
use crate::ErrorKind;
use crate::host::http as contract;

/// One request, to be [sent](Request::send).
///
/// ```no_run
/// use std::time::Duration;
/// use kiwi_loader::{Error, http};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Search {
///     since: &'static str,
/// }
///
/// fn load_from_source() -> Result<Vec<(String, f64)>, Error> {
///     let response = http::post("https://example.com/search")
///         .query("page", 1)
///         .bearer_token(std::env::var("RATES_TOKEN")?)
///         .json(&Search { since: "2026-01-01" })
///         .timeout(Duration::from_secs(10))
///         .send()?;
///     Ok(response.error_for_status()?.json()?)
/// }
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    request: contract::Request,
    /// Why it could not be built. `send` reports it, so that the calls can be chained.
    invalid: Option<String>,
}

impl Request {
    /// A request by any method, in capitals.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        let request = contract::Request { method, url, headers: Vec::new(), body: None, timeout_ms: None };
        Self { request, invalid: None }
    }

    /// Adds one pair to the query of the URL, percent-encoded.
    ///
    /// ```
    /// use kiwi_loader::http;
    ///
    /// let mut request = http::get("https://example.com/rates").query("base", "EUR");
    /// for currency in ["USD", "GBP"] {
    ///     request = request.query("currency", currency);
    /// }
    /// assert_eq!(request.url(), "https://example.com/rates?base=EUR&currency=USD&currency=GBP");
    /// ```
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        add_query(&mut self.request.url, name, &value.to_string());
        self
    }

    /// Adds a header. A name may occur several times.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the header `authorization: Bearer TOKEN`.
    pub fn bearer_token(self, token: impl fmt::Display) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// Sets a body of JSON, and the header `content-type: application/json`.
    pub fn json(self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => {
                let url = without_secrets(&self.request.url);
                let invalid = format!("the body for {url} cannot be written as JSON: {error}");
                Self { invalid: self.invalid.or(Some(invalid)), ..self }
            }
        }
    }

    /// The longest wait for the head of the response, and again for each piece of its body, instead of the host's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout_ms = Some(timeout.as_millis().try_into().unwrap_or(u32::MAX));
        self
    }

    /// The URL, with its query.
    pub fn url(&self) -> &str {
        &self.request.url
    }

    /// Sends it, and waits for the head of the response. A status of 4xx or 5xx is a response, not an error:
    /// see [`Response::error_for_status`].
    pub fn send(self) -> Result<Response, Error> {
        match self.invalid {
            Some(message) => Err(Error::new(ErrorKind::Other, message)),
            None => contract::send(&self.request).map(Response::new).map_err(Error::from_contract),
        }
    }
}

impl fmt::Debug for Request {
    /// Without query, headers and body, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.request.method, without_secrets(&self.request.url))
    }
}

#[cfg(test)]
mod tests {
    use crate::http;

    #[test]
    fn no_secret_of_a_request_is_shown() {
        let request = http::get("https://example.com/?key=secret").bearer_token("secret").body("secret");
        assert_eq!(format!("{request:?}"), "GET https://example.com/");
    }

    #[test]
    fn a_body_that_is_not_json_fails_when_it_is_sent() {
        let not_json = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = http::post("https://example.com/?key=secret").json(&not_json).send().unwrap_err();
        let expected = "the body for https://example.com/ cannot be written as JSON: key must be a string";
        assert_eq!(error.to_string(), expected);
    }
}
