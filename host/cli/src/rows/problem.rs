//! What is wrong with the rows, and in which line.

use std::fmt;
use std::io;

/// Why the rows cannot be published.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem(String);

pub(super) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// One that is about no line.
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// One in a line, counted from 1.
    pub(super) fn at(line: u64, message: impl fmt::Display) -> Self {
        Self(format!("line {line}: {message}"))
    }

    /// Standard input cannot be read.
    pub(super) fn unreadable(line: u64, error: &io::Error) -> Self {
        Self::at(line, format_args!("standard input cannot be read: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message of an error in one row, without the place that serde_json adds: a row is one line, or its line breaks are
/// gone.
pub(super) fn of_json(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}
