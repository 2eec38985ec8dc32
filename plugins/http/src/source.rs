//! The server: how it is asked, and what its answers mean.

use std::io::{BufRead, Read};
use std::time::Duration;

use kiwi_loader::http::{Request, Response};
use kiwi_loader::{Error, mark};
use rows::{Format, Packing, Text};

use crate::settings::{Body, Method, Settings};
use crate::validator::Validator;

/// Who is asked, and how. Requests differ only in their URL.
pub(crate) struct Source {
    pub(crate) url: String,
    pub(crate) format: Format,
    method: Method,
    headers: Vec<(String, String)>,
    body: Option<String>,
    timeout: Option<Duration>,
}

/// What the server answers.
pub(crate) enum Answer {
    Document(Response),
    /// It is the one that is published.
    Unchanged,
}

impl Source {
    /// Takes its part of the settings.
    pub(crate) fn new(settings: &mut Settings) -> Self {
        let mut headers: Vec<(String, String)> = std::mem::take(&mut settings.headers).into_iter().collect();
        let has_content_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let body = match settings.body.take() {
            None => None,
            Some(Body::Text(text)) => Some(text),
            Some(Body::Json(json)) => {
                if !has_content_type {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                Some(json.to_string())
            }
        };
        let Settings { url, format, method, timeout, .. } = settings;
        let timeout = timeout.as_ref().map(|timeout| timeout.0);
        Self { url: std::mem::take(url), format: *format, method: *method, headers, body, timeout }
    }

    /// Asks for a document.
    pub(crate) fn get(&self, url: &str) -> Result<Response, Error> {
        match self.ask(url, None)? {
            Answer::Document(response) => Ok(response),
            Answer::Unchanged => Err(unexpected_status(304)),
        }
    }

    /// Asks for a document, unless it is still the one that the published mark is of. `POST` has no such question.
    pub(crate) fn get_if_changed(&self, url: &str) -> Result<Answer, Error> {
        let published = mark::published().filter(|_| self.method == Method::Get);
        self.ask(url, published.and_then(|mark| Validator::from_mark(&mark)))
    }

    fn ask(&self, url: &str, condition: Option<Validator>) -> Result<Answer, Error> {
        let is_conditional = condition.is_some();
        let mut request = Request::new(self.method.name(), url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = condition.map(Validator::into_header) {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.as_bytes());
        }
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        let mut response = request.send()?.error_for_status()?;
        match response.status() {
            200 => {}
            304 if is_conditional => return Ok(Answer::Unchanged),
            status => return Err(unexpected_status(status)),
        }
        let beginning = response.fill_buf()?;
        if Packing::of_beginning(beginning).is_none() && !self.format.fits(beginning) {
            let beginning = beginning.to_vec();
            return Err(response.unexpected(self.format.name(), &beginning).into());
        }
        Ok(Answer::Document(response))
    }

    /// By what a later load can ask whether this document has changed.
    pub(crate) fn validator(&self, response: &Response) -> Option<Validator> {
        Some(response).filter(|_| self.method == Method::Get).and_then(Validator::from_response)
    }

    /// The document as a text, which is read while it arrives.
    pub(crate) fn text(&self, mut response: Response) -> Result<Text, Error> {
        let body: Box<dyn BufRead> = match Packing::of_beginning(response.fill_buf()?) {
            None => Box::new(response),
            Some(packing) => packing.unpack(response),
        };
        Ok(Text { name: String::new(), format: self.format, body })
    }

    /// The whole document.
    pub(crate) fn document(&self, response: Response) -> Result<Vec<u8>, Error> {
        let mut document = Vec::new();
        self.text(response)?.body.read_to_end(&mut document)?;
        Ok(document)
    }
}

fn unexpected_status(status: u16) -> Error {
    Error::other(format_args!("expected the status 200, the server answered {status}"))
}
