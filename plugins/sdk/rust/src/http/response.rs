//! Responses.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Error;
use super::url::without_secrets;
use crate::ErrorKind;
use crate::host::http as contract;

/// How many bytes to ask for at a time; measured best.
const CHUNK: u32 = 64 * 1024;

/// A response. Its body can be taken whole by [`json`](Self::json), [`text`](Self::text) or [`bytes`](Self::bytes), or
/// read as it arrives, 64 KiB at a time, by [`Read`] and [`BufRead`], so that it may be larger than the loader's
/// memory. Dropping it closes the connection.
///
/// ```no_run
/// use std::io::BufRead;
/// use kiwi_loader::{Error, http};
///
/// fn load_from_source() -> Result<impl Iterator<Item = Result<(String, String), Error>>, Error> {
///     let response = http::get("https://example.com/rates.txt").send()?.error_for_status()?;
///     Ok(response.lines().map(|line| {
///         let line = line?;
///         let (currency, rate) = line.split_once(' ').ok_or("a line has no rate")?;
///         Ok((currency.to_owned(), rate.to_owned()))
///     }))
/// }
/// ```
pub struct Response {
    response: contract::Response,
    chunk: Vec<u8>,
    read: usize,
}

impl Response {
    pub(super) fn new(response: contract::Response) -> Self {
        Self { response, chunk: Vec::new(), read: 0 }
    }

    /// The status, for example 200.
    pub fn status(&self) -> u16 {
        self.response.status()
    }

    /// The URL that answered, after redirects.
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

    /// Turns a status of 400 or more into the error that fits it: [`denied`](crate::ErrorKind::Denied) for 401 and
    /// 403, [`unavailable`](crate::ErrorKind::Unavailable) for 408, 425, 429 and 5xx,
    /// [`other`](crate::ErrorKind::Other) for the rest.
    ///
    /// The host has read the response's `Retry-After`, and if the load fails, it does not try again before that time.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.status();
        let (kind, advice) = match status {
            0..=399 => return Ok(self),
            401 => (ErrorKind::Denied, ": the server asks for credentials; check those that the request sends"),
            403 => (
                ErrorKind::Denied,
                ": the server refuses access; check the credentials that the request sends, and their rights (some \
                 servers answer so to too many requests)",
            ),
            408 | 425 | 429 | 500.. => (ErrorKind::Unavailable, ""),
            _ => (ErrorKind::Other, ""),
        };
        Err(Error::new(kind, format!("{} answered {status}{advice}", without_secrets(&self.url()))))
    }

    /// The error for a body that is not what was `expected` (such as `"CSV"`) although the status is fine, as a
    /// maintenance page is: [`unavailable`](crate::ErrorKind::Unavailable), with the status, the content type, and how the
    /// body begins.
    ///
    /// ```no_run
    /// use std::io::BufRead;
    /// use kiwi_loader::{Error, http};
    ///
    /// fn load_from_source() -> Result<Vec<(String, String)>, Error> {
    ///     let mut response = http::get("https://example.com/rates.txt").send()?.error_for_status()?;
    ///     let beginning = response.fill_buf()?;
    ///     if beginning.starts_with(b"<") {
    ///         let beginning = beginning.to_vec();
    ///         return Err(response.unexpected("rates", &beginning).into());
    ///     }
    ///     Ok(Vec::new())
    /// }
    /// ```
    pub fn unexpected(&self, expected: &str, beginning: &[u8]) -> Error {
        let message =
            format!("{}: expected {expected}, got {}", without_secrets(&self.url()), self.described(beginning));
        Error::new(ErrorKind::Unavailable, message)
    }

    /// What kind of body it has, and how it begins.
    fn described(&self, beginning: &[u8]) -> String {
        let content_type = self.header("content-type").map(|content_type| printable(content_type.as_bytes()));
        let content_type = content_type.unwrap_or_else(|| "a body without a content type".to_owned());
        let beginning = match printable(beginning) {
            empty if empty.is_empty() => ", which is empty".to_owned(),
            text => format!(", which begins with `{text}`"),
        };
        format!("{content_type} (status {}){beginning}", self.status())
    }

    /// Reads the whole body as JSON. A body that is not JSON is [`unavailable`](crate::ErrorKind::Unavailable): some
    /// servers send a maintenance page with the status 200. JSON of another shape than `T` is
    /// [`other`](crate::ErrorKind::Other).
    ///
    /// ```no_run
    /// use std::collections::BTreeMap;
    /// use kiwi_loader::{Error, http};
    ///
    /// fn load_from_source() -> Result<BTreeMap<String, f64>, Error> {
    ///     Ok(http::get("https://example.com/rates.json").send()?.error_for_status()?.json()?)
    /// }
    /// ```
    pub fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let body = self.rest()?;
        // Windows writes a byte order mark, which JSON parsers do not accept.
        let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            Category::Data => {
                let url = without_secrets(&self.url());
                Error::new(ErrorKind::Other, format!("the response from {url} is not the expected JSON")).because(error)
            }
            _ => self.unexpected("JSON", text).because(error),
        })
    }

    /// Reads the whole body as text. A body that is not UTF-8 is an error.
    pub fn text(self) -> Result<String, Error> {
        let url = without_secrets(&self.url());
        String::from_utf8(self.bytes()?).map_err(|error| {
            Error::new(ErrorKind::Other, format!("the response from {url} is not UTF-8: read it by `bytes`"))
                .because(error.utf8_error())
        })
    }

    /// Reads the whole body. The host limits its size.
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.rest()
    }

    fn rest(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = self.chunk.split_off(self.read);
        while let Some(chunk) = self.read_chunk()? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn read_chunk(&self) -> Result<Option<Vec<u8>>, Error> {
        self.response.read(CHUNK).map_err(Error::from_contract)
    }
}

impl BufRead for Response {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.chunk.len() {
            self.chunk = self.read_chunk()?.unwrap_or_default();
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
        write!(f, "{} from {}", self.status(), without_secrets(&self.url()))
    }
}

/// The first of these bytes, as one short line.
fn printable(text: &[u8]) -> String {
    const BYTES: usize = 80;
    let text = text.trim_ascii();
    let first = String::from_utf8_lossy(&text[..text.len().min(BYTES)]);
    let line: String = first.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if text.len() > BYTES { "..." } else { "" };
    format!("{}{more}", line.trim_end_matches('\u{fffd}'))
}
