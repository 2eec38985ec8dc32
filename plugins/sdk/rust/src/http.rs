//! HTTP, through the host's one door: it resolves, connects, speaks TLS, follows redirects, undoes compression, and
//! checks each address against the cache's grants.
//!
//! ```no_run
//! use std::io::BufRead;
//! use kiwi_loader::{Error, http};
//!
//! fn load_from_source() -> Result<Vec<(String, String)>, Error> {
//!     let response = http::get("https://example.com/rates.txt").header("accept", "text/plain").send()?;
//!     let mut rates = Vec::new();
//!     for line in response.error_for_status()?.lines() {
//!         let line = line?;
//!         let (currency, rate) = line.split_once(' ').ok_or_else(|| Error::other("a line without a rate"))?;
//!         rates.push((currency.to_owned(), rate.to_owned()));
//!     }
//!     Ok(rates)
//! }
//! ```

use std::fmt;
use std::io::{self, BufRead, Read};
use std::time::Duration;

use crate::Error;
use crate::bindings::http as host;

/// How many bytes to ask for at a time; measured best.
const CHUNK: u32 = 64 * 1024;

/// A `GET` of an absolute URL.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A `POST` to an absolute URL.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// One request, to be [sent](Request::send).
#[derive(Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request(host::Request);

impl Request {
    /// A request by any method, in capitals.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self(host::Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout_ms: None,
        })
    }

    /// Adds a header. A name may occur several times.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// What to send.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = Some(body.into());
        self
    }

    /// The longest wait for the head of the answer, and again for each piece of its body, instead of the host's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = Some(timeout.as_millis().try_into().unwrap_or(u32::MAX));
        self
    }

    /// Sends it, and waits for the head of the answer. A status of 4xx or 5xx is an answer, not an error:
    /// see [`Response::error_for_status`].
    pub fn send(self) -> Result<Response, Error> {
        let response = host::send(&self.0).map_err(Error::of_host)?;
        Ok(Response { response, chunk: Vec::new(), read: 0 })
    }
}

impl fmt::Debug for Request {
    /// Without headers and body: these are where passwords are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method, public(&self.0.url))
    }
}

/// An answer. Its body is read as it arrives, 64 KiB at a time, by [`Read`] and [`BufRead`]; dropping it closes the
/// connection.
pub struct Response {
    response: host::Response,
    chunk: Vec<u8>,
    read: usize,
}

impl Response {
    /// For example 200.
    pub fn status(&self) -> u16 {
        self.response.status()
    }

    /// Where the redirects led.
    pub fn url(&self) -> String {
        self.response.url()
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.response.header(name)
    }

    /// All headers, names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.response.headers()
    }

    /// Turns a status of 400 or more into the error that fits it: [`denied`](Error::denied) for 401 and 403,
    /// [`unavailable`](Error::unavailable) for 408, 425, 429 and 5xx, [`other`](Error::other) for the rest.
    ///
    /// The host has read the answer's `Retry-After`: after an `unavailable` it tries no sooner.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.status();
        if status < 400 {
            return Ok(self);
        }
        let message = format!("{} answered {status}", public(&self.url()));
        Err(match status {
            401 | 403 => Error::denied(message),
            408 | 425 | 429 | 500.. => Error::unavailable(message),
            _ => Error::other(message),
        })
    }
}

impl BufRead for Response {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.chunk.len() {
            self.chunk = self.response.read(CHUNK).map_err(Error::of_host)?.unwrap_or_default();
            self.read = 0;
        }
        Ok(&self.chunk[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(buffer)?;
        self.consume(amount);
        Ok(amount)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.status(), public(&self.url()))
    }
}

/// Scheme, host and port of a URL: what a grant names. Text that is no URL comes back as it is.
pub(crate) fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// The part of a URL that may be shown: without user, password, query and fragment, where keys are.
fn public(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let path = url[..end].splitn(4, '/').nth(3);
    origin(url) + &path.map(|path| format!("/{path}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_grant_names() {
        assert_eq!(origin("https://api.example.com/v1/rates?key=s#x"), "https://api.example.com");
        assert_eq!(origin("http://user:pa@ss@127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(origin("https://*.example.com"), "https://*.example.com");
        assert_eq!(origin("example.com"), "example.com");
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        assert_eq!(public("https://me:secret@example.com/v1/rates?key=secret"), "https://example.com/v1/rates");
        assert_eq!(public("https://example.com?key=secret"), "https://example.com");
        let request = get("https://example.com/?key=secret").header("authorization", "secret").body("secret");
        assert_eq!(format!("{request:?}"), "GET https://example.com/");
    }
}
