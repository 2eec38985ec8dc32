//! What is wrong with a text, and in which line.

use std::fmt;
use std::io;

/// What is wrong with a text.
#[derive(Debug)]
pub struct Error {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong in a line.
#[derive(Debug)]
pub enum Problem {
    /// The text cannot be read.
    Io(io::Error),
    /// The document ends in the middle, where this was expected, if that is known.
    CutOff(Option<String>),
    /// Something else stands here than what was expected.
    Unexpected {
        /// What was expected.
        expected: String,
        /// The byte that stands here.
        found: u8,
    },
    /// The row is longer than it may be.
    RowTooLong,
    /// The name of a member is longer than it may be.
    NameTooLong,
    /// This is not UTF-8, for example `field 2`.
    NotUtf8(String),
    /// A CSV text has no header.
    NoHeader,
    /// A CSV header has this column twice.
    ColumnTwice(String),
    /// A CSV record has another number of fields than the header.
    FieldCount {
        /// How many the header has.
        expected: usize,
        /// How many the record has.
        found: usize,
    },
}

/// What reading rows returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn at(line: u64, problem: Problem) -> Self {
        Self { line, problem }
    }
}

/// Without the line.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::CutOff(None) => f.write_str("the document is cut off"),
            Self::CutOff(Some(expected)) => write!(f, "the document is cut off: expected {expected}"),
            Self::Unexpected { expected, found } => write!(f, "expected {expected}, found `{}`", found.escape_ascii()),
            Self::RowTooLong => f.write_str("the row is too long"),
            Self::NameTooLong => f.write_str("the name is too long"),
            Self::NotUtf8(what) => write!(f, "{what} is not UTF-8"),
            Self::NoHeader => f.write_str("there is no header: expected the names of the columns in the first line"),
            Self::ColumnTwice(name) => write!(f, "the header has the column `{name}` twice: rename one of them"),
            Self::FieldCount { expected, found } => {
                write!(f, "expected {expected} fields, as the header has, found {found}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for Error {}
