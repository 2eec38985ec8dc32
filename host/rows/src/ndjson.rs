//! NDJSON: a JSON object on each line.

use std::io::{BufRead, Read};

use crate::error::{Error, Problem, Result};

/// The lines of a text. Empty ones are skipped, but counted.
#[derive(Debug)]
pub struct Lines<R> {
    text: R,
    max_bytes: usize,
    number: u64,
    line: Vec<u8>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its number, from 1.
    pub number: u64,
    /// Its text, without the white space around it.
    pub text: &'t str,
    /// Whether it ends with a line break, and not with the text.
    pub has_ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a text, none of which may have more than `max_bytes`.
    pub fn new(text: R, max_bytes: usize) -> Self {
        Self { text, max_bytes, number: 0, line: Vec::new() }
    }

    /// Reads the next line that is not empty. `None`: there are no more.
    ///
    /// # Errors
    /// It cannot be read, is too long, or is not UTF-8.
    #[expect(clippy::should_implement_trait, reason = "what it returns is borrowed from this")]
    pub fn next(&mut self) -> Result<Option<Line<'_>>> {
        let max = (self.max_bytes as u64).saturating_add(1);
        loop {
            self.line.clear();
            self.number += 1;
            let read = self.text.by_ref().take(max).read_until(b'\n', &mut self.line);
            if read.map_err(|error| self.wrong(Problem::Io(error)))? == 0 {
                return Ok(None);
            }
            if self.line.len() > self.max_bytes {
                return Err(self.wrong(Problem::RowTooLong));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(self.line.trim_ascii()) {
            Ok(text) => {
                let has_ended = self.line.last() == Some(&b'\n');
                Ok(Some(Line { number: self.number, text, has_ended }))
            }
            Err(error) => {
                let byte = error.valid_up_to() + 1;
                Err(self.wrong(Problem::NotUtf8(format!("byte {byte} of the row"))))
            }
        }
    }

    fn wrong(&self, problem: Problem) -> Error {
        Error::at(self.number, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_row_and_empty_ones_are_counted() {
        let mut lines = Lines::new(&b"{\"a\": 1}\r\n\n \t\n  {} "[..], 100);
        let line = |number, text, has_ended| Some(Line { number, text, has_ended });
        assert_eq!(lines.next().unwrap(), line(1, "{\"a\": 1}", true));
        assert_eq!(lines.next().unwrap(), line(4, "{}", false));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn what_is_too_long_or_not_utf8_is_an_error() {
        let mut endless = Lines::new(std::io::BufReader::new(std::io::repeat(b'x')), 1_000);
        assert_eq!(endless.next().unwrap_err().to_string(), "line 1: the row is too long");
        let mut lines = Lines::new(&b"\n{\"a\": \"\xe9\"}\n"[..], 1_000);
        assert_eq!(lines.next().unwrap_err().to_string(), "line 2: byte 8 of the row is not UTF-8");
        assert!(Lines::new(&b"12345\n"[..], 6).next().is_ok());
        assert!(Lines::new(&b"123456\n"[..], 6).next().is_err());
    }
}
