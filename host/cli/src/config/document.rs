//! The text of a kiwi.toml, and the problems found in it, each with its line and column.
//!
//! Reading goes on after a problem, so that all of them are reported at once. No message shows a line
//! of the file or the value of a setting: they may hold secrets.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::TomlError;

/// Everything that is wrong with one file.
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
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{line}:{column}: {message}", self.path.display())?;
        }
        Ok(())
    }
}

/// The text of a file, and the problems found so far.
pub(crate) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    found: RefCell<Vec<(usize, String)>>,
    /// The keys that the reader has asked for.
    #[cfg(test)]
    asked: RefCell<std::collections::BTreeSet<String>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(path: &'a Path, text: &'a str) -> Self {
        Self {
            path,
            text,
            found: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Parses the text as TOML.
    pub(crate) fn parse(&self) -> Result<toml_edit::Document<&'a str>, Problems> {
        toml_edit::Document::parse(self.text).map_err(|error| {
            self.syntax_error(&error);
            self.problems()
        })
    }

    /// Notes that the reader knows a key, for the test of the table of keys.
    pub(crate) fn note_asked(&self, _path: String) {
        #[cfg(test)]
        self.asked.borrow_mut().insert(_path);
    }

    /// All keys that the reader has asked for.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// Adds a problem at a position in the text.
    pub(crate) fn problem(&self, at: Range<usize>, message: String) {
        self.found.borrow_mut().push((at.start, message));
    }

    /// The value, unless a problem was found.
    pub(crate) fn finish<T>(&self, value: T) -> Result<T, Problems> {
        if self.found.borrow().is_empty() { Ok(value) } else { Err(self.problems()) }
    }

    fn syntax_error(&self, error: &TomlError) {
        let at = error.span().unwrap_or(0..0);
        let line = self.text[..at.start].rfind('\n').map_or(0, |end| end + 1);
        let header = self.text[line..].lines().next().unwrap_or_default().trim();
        let cache = header.strip_prefix("[cache.").and_then(|rest| rest.split(']').next());
        let message = match cache {
            Some(name) if error.message() == "duplicate key" => {
                format!("a second cache named `{name}`: each cache needs a name of its own")
            }
            _ => error.message().to_owned(),
        };
        self.problem(at, message);
    }

    fn problems(&self) -> Problems {
        let mut found = self.found.take();
        found.sort_by_key(|(at, _)| *at);
        let locate = |(at, message): (usize, String)| {
            let before = &self.text[..at];
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            let line = before.matches('\n').count() + 1;
            Problem { line, column: before[line_start..].chars().count() + 1, message }
        };
        Problems { path: self.path.to_owned(), found: found.into_iter().map(locate).collect() }
    }
}
