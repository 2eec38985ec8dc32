//! TOML read value by value: each section knows the keys it was asked for, and each problem its place,
//! so that all problems of a file are told at once.
//!
//! No message shows a line of the file, and none shows a setting's value: they may hold secrets.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Everything wrong with one file.
#[derive(Debug)]
pub(crate) struct Problems {
    path: PathBuf,
    found: Vec<Problem>,
}

#[derive(Debug)]
struct Problem {
    line: usize,
    column: usize,
    message: String,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, column, message }) in self.found.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{line}:{column}: {message}", self.path.display())?;
        }
        Ok(())
    }
}

/// Where the problems of one file are gathered while it is read.
pub(crate) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'a> Document<'a> {
    /// Reads a file's text with `read`, which gets its top-level section.
    pub(crate) fn read<T>(
        path: &'a Path,
        text: &'a str,
        read: impl FnOnce(Section<'_>) -> Option<T>,
    ) -> Result<T, Problems> {
        let document = Self { path, text, found: RefCell::default() };
        let value = match DeTable::parse(text) {
            Ok(table) => {
                let (entries, place) = (table.get_ref(), String::new());
                read(Section { entries, place, span: 0..0, asked: Vec::new(), document: &document })
            }
            Err(error) => {
                document.syntax_error(&error);
                None
            }
        };
        match value {
            Some(value) if document.found.borrow().is_empty() => Ok(value),
            _ => Err(document.problems()),
        }
    }

    /// Remembers what is wrong at a place.
    pub(crate) fn problem(&self, at: Range<usize>, message: String) {
        self.found.borrow_mut().push((at.start, message));
    }

    fn syntax_error(&self, error: &toml::de::Error) {
        let at = error.span().unwrap_or(0..0);
        let line = self.text[..at.start].rfind('\n').map_or(0, |end| end + 1);
        let header = self.text[line..].lines().next().unwrap_or_default().trim();
        let second = header.strip_prefix("[cache.").and_then(|rest| rest.split(']').next());
        let message = match second {
            Some(name) if error.message() == "duplicate key" => {
                format!("a second cache named `{name}`: each cache needs a name of its own")
            }
            _ => error.message().to_owned(),
        };
        self.problem(at, message);
    }

    fn problems(self) -> Problems {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, _)| *at);
        let place = |(at, message): (usize, String)| {
            let before = &self.text[..at];
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            let line = before.matches('\n').count() + 1;
            Problem { line, column: before[line_start..].chars().count() + 1, message }
        };
        Problems { path: self.path.to_owned(), found: found.into_iter().map(place).collect() }
    }
}

/// One table of the file.
pub(crate) struct Section<'d> {
    entries: &'d DeTable<'d>,
    /// How messages name it: empty at the top, else for example ``cache `airlines`: ``.
    place: String,
    span: Range<usize>,
    asked: Vec<&'static str>,
    document: &'d Document<'d>,
}

impl<'d> Section<'d> {
    /// Reads one key's value, if it is there. What `read` refuses is a problem at the value's place.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'d DeValue<'d>) -> Result<T, String>,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.entries.get(key)?;
        read(value.get_ref())
            .map_err(|message| self.document.problem(value.span(), format!("{}`{key}`: {message}", self.place)))
            .ok()
    }

    /// Reads a key that holds text.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> kiwi_store::Result<T>,
    ) -> Option<T> {
        self.value(key, |value| parse(text(value)?).map_err(|error| error.to_string()))
    }

    /// Reads a key that holds a list of texts.
    pub(crate) fn texts<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> kiwi_store::Result<T>,
    ) -> Option<Vec<T>> {
        self.value(key, |value| {
            let items = value.as_array().ok_or_else(|| mismatch("a list of strings", value))?;
            items.iter().map(|item| parse(text(item.get_ref())?).map_err(|error| error.to_string())).collect()
        })
    }

    /// Reads a key that holds `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.value(key, |value| value.as_bool().ok_or_else(|| mismatch("`true` or `false`", value)))
    }

    /// Reads a key that holds a whole number from 1 to `max`.
    pub(crate) fn number(&mut self, key: &'static str, max: u64) -> Option<u64> {
        self.value(key, |value| match number(value) {
            Some(number) if (1..=max).contains(&number) => Ok(number),
            _ if max == u64::MAX => Err(mismatch("a whole number of at least 1", value)),
            _ => Err(mismatch(&format!("a whole number from 1 to {max}"), value)),
        })
    }

    /// Reads a key that holds a table.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'d>> {
        let place = format!("{}`{key}`: ", self.place);
        let entries = self.value(key, table)?;
        let span = self.span_of(key)?;
        Some(Section { entries, place, span, asked: Vec::new(), document: self.document })
    }

    /// The tables in here whose names are the operator's, each with its name.
    pub(crate) fn named(self, what: &str) -> Vec<(&'d Spanned<std::borrow::Cow<'d, str>>, Section<'d>)> {
        let mut named = Vec::new();
        for (name, value) in self.entries {
            let place = format!("{what} `{}`: ", name.get_ref().escape_debug());
            match table(value.get_ref()) {
                Ok(entries) => {
                    let span = name.span();
                    named.push((name, Section { entries, place, span, asked: Vec::new(), document: self.document }));
                }
                Err(message) => self.document.problem(value.span(), place + &message),
            }
        }
        named
    }

    /// Whether a key holds text.
    pub(crate) fn holds_text(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// A key that must be there.
    pub(crate) fn required<T>(&self, key: &str, read: Option<T>, expected: &str) -> Option<T> {
        if !self.entries.contains_key(key) {
            let message = format!("{}`{key}` is missing: expected {expected}", self.place);
            self.document.problem(self.span.clone(), message);
        }
        read
    }

    /// Where problems go.
    pub(crate) fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Where the table itself stands.
    pub(crate) fn own_span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where a key's value stands.
    pub(crate) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(Spanned::span)
    }

    /// Ends the reading: a key that nobody has asked for is unknown.
    pub(crate) fn finish(self) {
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let known = |(similarity, known): (f64, &&'static str)| (similarity > 0.75).then_some(*known);
            let nearest = (self.asked.iter().map(|known| (strsim::jaro_winkler(name, known), known)))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .and_then(known);
            let advice = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("expected one of `{}`", self.asked.join("`, `")),
            };
            let message = format!("{}unknown key `{}`: {advice}", self.place, name.escape_debug());
            self.document.problem(key.span(), message);
        }
    }
}

/// A value that must be text.
pub(crate) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| mismatch("a string", value))
}

/// A value that must be a table.
pub(crate) fn table<'v, 'd>(value: &'v DeValue<'d>) -> Result<&'v DeTable<'d>, String> {
    value.as_table().ok_or_else(|| mismatch("a table", value))
}

/// A value as a whole number that is not negative.
pub(crate) fn number(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// What is said when a value is of another kind.
pub(crate) fn mismatch(expected: &str, value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(integer) => format!("expected {expected}, found {integer}"),
        other => format!("expected {expected}, found a {}", other.type_str()),
    }
}
