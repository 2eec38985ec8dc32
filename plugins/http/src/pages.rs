//! Pages: each is fetched when the rows of the one before have been read, and is whole in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Cursor;

use kiwi_loader::http::{self, Response};
use kiwi_loader::{Error, log};
use rows::{Pointer, Text};

use crate::link;
use crate::settings::Pages;
use crate::source::Source;
use crate::url::{join, origin, without_parameter};

/// The pages of a source, one after the other.
pub(crate) struct Walk {
    pub(crate) source: Source,
    pages: Pages,
    max_pages: u32,
    /// How many were fetched.
    count: u32,
    /// The page that was fetched last, until its rows are read.
    fetched: Option<Vec<u8>>,
    /// The URL of the page after it.
    next: Option<String>,
    known: Known,
}

impl Walk {
    pub(crate) fn new(source: Source, pages: Pages, max_pages: u32) -> Self {
        Self { source, pages, max_pages, count: 0, fetched: None, next: None, known: Known::default() }
    }

    /// The URL of the first page.
    pub(crate) fn first_url(&self) -> String {
        match &self.pages {
            Pages::Number { parameter, first, .. } => with_parameter(&self.source.url, parameter, &first.to_string()),
            _ => self.source.url.clone(),
        }
    }

    /// Whether a page says itself that it is the last: then what validates the only page validates the whole map.
    pub(crate) fn ends_in_the_page(&self) -> bool {
        matches!(self.pages, Pages::Cursor { .. } | Pages::Url { .. })
    }

    /// Whether no page follows those that were fetched.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.next.is_none()
    }

    /// The next page, after one that had this many rows.
    pub(crate) fn next(&mut self, rows: u64) -> Result<Option<Text>, Error> {
        if self.fetched.is_none() {
            let was_the_last = matches!(self.pages, Pages::Number { .. }) && rows == 0;
            let Some(url) = self.next.take().filter(|_| !was_the_last) else { return Ok(None) };
            if self.count == self.max_pages {
                return Err(Error::other(format_args!(
                    "there are more than {} pages: raise `max_pages`, or correct `pages`",
                    self.max_pages
                )));
            }
            let number = self.count + 1;
            let fetched = self.source.get(&url).and_then(|response| self.take(&url, response));
            fetched.map_err(|error| error.context(format_args!("page {number}")))?;
        }
        let (name, format) = (format!("page {}", self.count), self.source.format);
        Ok(self.fetched.take().map(|document| Text { name, format, body: Box::new(Cursor::new(document)) }))
    }

    /// Reads a page, and finds out which is the next.
    pub(crate) fn take(&mut self, url: &str, response: Response) -> Result<(), Error> {
        self.count += 1;
        let (answered_by, headers) = (response.url(), response.headers());
        let document = self.source.document(response)?;
        let is_numbered = matches!(self.pages, Pages::Number { .. });
        self.known.add(if is_numbered { &document } else { url.as_bytes() }, self.count)?;
        self.next = match &self.pages {
            Pages::Link => {
                let links = headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
                let links = links.collect::<Vec<_>>().join(", ");
                link::next(&links).map(|next| self.on_the_same_server(join(&answered_by, next))).transpose()?
            }
            Pages::Url { pointer, written } => {
                let next = self.cursor(pointer, written, &document)?;
                next.map(|next| self.on_the_same_server(join(&answered_by, &next))).transpose()?
            }
            Pages::Cursor { pointer, written, parameter } => {
                let next = self.cursor(pointer, written, &document)?;
                next.map(|cursor| with_parameter(&self.source.url, parameter, &cursor))
            }
            Pages::Number { parameter, first, step } => {
                let number = step.checked_mul(self.count.into()).and_then(|after| first.checked_add(after));
                let number = number.ok_or_else(|| Error::other("the number of the next page is too large"))?;
                Some(with_parameter(&self.source.url, parameter, &number.to_string()))
            }
        };
        self.fetched = Some(document);
        Ok(())
    }

    /// What leads to the next page, unless this is the last one.
    fn cursor(&self, pointer: &Pointer, written: &str, document: &[u8]) -> Result<Option<String>, Error> {
        let Some(json) = pointer.find(document)? else {
            if self.count == 1 {
                log::info!(
                    "the first page has nothing at `{written}`, so it counts as the only one: is `pages` correct?"
                );
            }
            return Ok(None);
        };
        match json.as_str() {
            "null" | "false" | "\"\"" => Ok(None),
            text if text.starts_with('"') => Ok(Some(serde_json::from_str(text)?)),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(Some(number.to_owned())),
            _ => Err(Error::other(format_args!("what is at `{written}` is not a text or a number: correct `pages`"))),
        }
    }

    /// The headers may hold secrets, so they are sent only to the server that the operator has named.
    fn on_the_same_server(&self, url: String) -> Result<String, Error> {
        let (wanted, other) = (origin(&self.source.url), origin(&url));
        if wanted == other {
            return Ok(url);
        }
        Err(Error::denied(format_args!(
            "the next page is on {other} and not on {wanted}: if that is right, change `url` to that server"
        )))
    }
}

/// The pages so far: by their URLs or, where their numbers go up whatever the server sends, by their contents.
#[derive(Default)]
struct Known {
    pages: HashMap<[u64; 2], u32>,
    hashers: [RandomState; 2],
}

impl Known {
    /// A page that comes again would come again and again.
    fn add(&mut self, page: &[u8], number: u32) -> Result<(), Error> {
        let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one(page));
        match self.pages.insert(hash, number) {
            None => Ok(()),
            Some(first) => Err(Error::other(format_args!(
                "it is the same as page {first}, so the server does not advance: correct `pages`"
            ))),
        }
    }
}

/// The URL with this parameter, instead of any of this name that it has.
fn with_parameter(url: &str, name: &str, value: &str) -> String {
    http::get(without_parameter(url, name)).query(name, value).url().to_owned()
}
