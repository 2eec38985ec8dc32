//! One table of kiwi.toml, read key by key. It remembers which keys were read, so that any other key
//! is reported as unknown.

use std::ops::{Range, RangeInclusive};

use kiwi_host::parse_size;
use kiwi_rows::near::nearest;
use toml_edit::{Array, Item, Table, TableLike};

use super::document::Document;
use super::keys::{self, Kind};
use super::value::{mismatch, number, quoted, table, texts};
use crate::human;

/// A size below this is hardly meant in bytes, unless its unit says so.
const SMALL_SIZE: u64 = 1 << 10;

/// One table of the file.
pub(crate) struct Section<'d> {
    table: &'d dyn TableLike,
    /// Its key path, such as `cache.airlines`; empty at the top level.
    path: String,
    /// The same path as in the table of keys, with `NAME` for the operator's names.
    place: String,
    span: Range<usize>,
    known: Vec<&'static str>,
    document: &'d Document<'d>,
}

impl<'d> Section<'d> {
    /// The top level of a file.
    pub(crate) fn top(table: &'d Table, document: &'d Document<'d>) -> Self {
        Self { table, path: String::new(), place: String::new(), span: 0..0, known: Vec::new(), document }
    }

    /// Reads the value of a key, if it exists. An error of `read` becomes a problem at the value.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'d Item) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        self.document.note_asked(self.place_of(key));
        let item = self.table.get(key)?;
        read(item).map_err(|message| self.problem(self.span_of(key), &self.path_of(key), &message)).ok()
    }

    /// Reads a string.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> kiwi_store::Result<T>,
    ) -> Option<T> {
        let expected = self.expected(key, "a string");
        self.value(key, |item| match item.as_str() {
            Some(text) => parse(text).map_err(|error| error.to_string()),
            None => Err(expected(item)),
        })
    }

    /// Reads a list of strings. Each that `parse` refuses becomes a problem of its own.
    pub(crate) fn texts<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> kiwi_store::Result<T>,
    ) -> Option<Vec<T>> {
        let list = self.value(key, texts)?;
        Some(self.parse_texts(key, list, parse))
    }

    fn parse_texts<T>(&self, key: &str, list: &Array, parse: impl Fn(&str) -> kiwi_store::Result<T>) -> Vec<T> {
        let mut parsed = Vec::new();
        for value in list {
            match parse(value.as_str().unwrap_or_default()) {
                Ok(value) => parsed.push(value),
                Err(error) => {
                    let span = value.span().unwrap_or_else(|| self.span_of(key));
                    self.problem(span, &self.path_of(key), &error.to_string());
                }
            }
        }
        parsed
    }

    /// Reads `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.value(key, |item| item.as_bool().ok_or_else(|| mismatch("`true` or `false`", item)))
    }

    /// Reads a whole number from 1 to `max`.
    pub(crate) fn number(&mut self, key: &'static str, max: u64) -> Option<u64> {
        self.value(key, |item| match number(item) {
            Some(number) if (1..=max).contains(&number) => Ok(number),
            _ if max == u64::MAX => Err(mismatch("a whole number of at least 1", item)),
            _ => Err(mismatch(&format!("a whole number from 1 to {max}"), item)),
        })
    }

    /// Reads a number of bytes in this range, as text such as `64 MiB` or as a number. A small number must have a
    /// unit: whoever writes `memory = 64` hardly means 64 bytes.
    pub(crate) fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = self.expected(key, "a size such as `64 MiB`");
        let usual_unit =
            keys::find(&self.place_of(key)).and_then(|key| key.example.trim_matches('"').split(' ').nth(1));
        self.value(key, |item| {
            let (bytes, has_unit) = match (item.as_str(), number(item)) {
                (Some(text), _) => {
                    let bytes = parse_size(text).map_err(|error| error.to_string())?;
                    (bytes, text.contains(|c: char| c.is_alphabetic()))
                }
                (None, Some(bytes)) if bytes > 0 => (bytes, false),
                (None, _) => return Err(expected(item)),
            };
            if !has_unit && bytes < SMALL_SIZE {
                let unit = usual_unit.unwrap_or("MiB");
                let or = if range.contains(&bytes) { format!(" If not, write `{bytes} B`.") } else { String::new() };
                return Err(format!("{bytes} without a unit is {bytes} bytes: did you mean `{bytes} {unit}`?{or}"));
            }
            if !range.contains(&bytes) {
                let [min, max, bytes] = [*range.start(), *range.end(), bytes].map(human::bytes);
                return Err(format!("expected a size from {min} to {max}, found {bytes}"));
            }
            Ok(bytes)
        })
    }

    /// Reads a table.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Self> {
        let table = self.value(key, table)?;
        Some(self.inner(key, table))
    }

    /// Reads the tables in this one, whose names are the operator's.
    pub(crate) fn named(self) -> Vec<(&'d str, Self)> {
        let mut named = Vec::new();
        for (name, item) in self.table.iter() {
            match table(item) {
                Ok(table) => {
                    // Problems of the table as a whole are shown at its name.
                    let span = self.table.key(name).and_then(|key| key.span()).unwrap_or_default();
                    let place = self.place_of("NAME");
                    named.push((name, Self { span, place, ..self.inner(name, table) }));
                }
                Err(message) => self.problem(self.span_of(name), &self.path_of(name), &message),
            }
        }
        named
    }

    /// Reads every key of this table, whose names are the operator's. One that `read` refuses is a problem, and has no
    /// value.
    pub(crate) fn each<T>(&self, read: impl Fn(&str, &'d Item) -> Result<T, String>) -> Vec<(String, Option<T>)> {
        let entries = self.table.iter().map(|(name, item)| {
            let value =
                read(name, item).map_err(|message| self.problem(self.span_of(name), &self.path_of(name), &message));
            (name.to_owned(), value.ok())
        });
        entries.collect()
    }

    /// Reads every key of this table as a list of strings, each of which `parse` reads. A list with one that it refuses has
    /// no value.
    pub(crate) fn each_texts<T>(&self, parse: impl Fn(&str) -> kiwi_store::Result<T>) -> Vec<(String, Option<Vec<T>>)> {
        let read = self.each(|_, item| texts(item));
        let parsed = read.into_iter().map(|(name, list)| {
            let parsed = list.map(|list| (list.len(), self.parse_texts(&name, list, &parse)));
            (name, parsed.filter(|(all, parsed)| parsed.len() == *all).map(|(_, parsed)| parsed))
        });
        parsed.collect()
    }

    /// Reports a problem with the name of a key.
    pub(crate) fn problem_with_name(&self, name: &str, message: &str) {
        let span = self.table.key(name).and_then(|key| key.span()).unwrap_or_default();
        self.problem(span, &self.path, message);
    }

    /// Whether a key has a string as its value.
    pub(crate) fn is_text(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(Item::is_str)
    }

    /// Whether a key exists.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports a key that is missing; `read` is what was read of it.
    pub(crate) fn required<T>(&self, key: &str, read: Option<T>, expected: &str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problem(self.span.clone(), &self.path, &format!("`{key}` is missing (expected {expected})"));
        }
        read
    }

    /// Reports a problem that concerns the value of a key, or if the key does not exist, this table.
    pub(crate) fn problem_at(&self, key: &str, message: String) {
        let exists = self.table.contains_key(key);
        self.document.problem(if exists { self.span_of(key) } else { self.span.clone() }, message);
    }

    /// Reports a problem of this table as a whole.
    pub(crate) fn problem_here(&self, message: String) {
        self.document.problem(self.span.clone(), message);
    }

    /// Ends reading: reports each key that was not read as unknown.
    pub(crate) fn finish(self) {
        for (name, _) in self.table.iter() {
            if self.known.contains(&name) {
                continue;
            }
            let span = self.table.key(name).and_then(|key| key.span()).unwrap_or_default();
            let unknown = format!("unknown key `{}`", name.escape_debug());
            if let Some(hint) = keys::elsewhere(&self.place, name) {
                self.problem(span, &self.path, &format!("{unknown}: {hint}"));
                continue;
            }
            let hint = match nearest(name, self.known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => {
                    let setting =
                        if self.place == "cache.NAME" { "; a setting of the plugin belongs in `settings`" } else { "" };
                    format!("expected one of `{}`{setting}", self.known.join("`, `"))
                }
            };
            self.problem(span, &self.path, &format!("{unknown}: {hint}"));
        }
    }

    fn inner(&self, key: &str, table: &'d dyn TableLike) -> Self {
        let (path, place, span) = (self.path_of(key), self.place_of(key), self.span_of(key));
        Self { table, path, place, span, known: Vec::new(), document: self.document }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { quoted(key) } else { format!("{}.{}", self.path, quoted(key)) }
    }

    fn place_of(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// Makes the message for a value of another type than the key's, from the table of keys.
    fn expected(&self, key: &str, otherwise: &'static str) -> impl Fn(&Item) -> String + use<> {
        let key = keys::find(&self.place_of(key));
        move |item| match key.map(|key| (key.kind, key.example.trim_matches('"'))) {
            Some((Kind::Duration | Kind::Ttl, example)) => match number(item) {
                Some(number) => {
                    format!("expected a duration such as `{example}`, found {number}: did you mean `\"{number}s\"`?")
                }
                None => mismatch(&format!("a duration such as `{example}`"), item),
            },
            Some((kind @ (Kind::Size | Kind::Percent), example)) => {
                mismatch(&format!("{} such as `{example}`", kind.expected()), item)
            }
            Some((kind, _)) => mismatch(kind.expected(), item),
            None => mismatch(otherwise, item),
        }
    }

    /// The position of a key's value. A table made by dotted keys has none; then that of the key.
    fn span_of(&self, key: &str) -> Range<usize> {
        let value = self.table.get(key).and_then(Item::span);
        value.or_else(|| self.table.key(key)?.span()).unwrap_or_default()
    }

    fn problem(&self, at: Range<usize>, path: &str, message: &str) {
        let separator = if path.is_empty() { "" } else { ": " };
        self.document.problem(at, format!("{path}{separator}{message}"));
    }
}
