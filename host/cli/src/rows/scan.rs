//! Splits a JSON document into its members or elements while it is read.
//!
//! It only finds where a value ends. What is in a value is checked when its row is parsed, or when it is loaded.

use std::io::BufRead;

use super::bounds::Bounds;
use super::problem::{Problem, Result};

/// A document, read up to a place inside its outermost container.
pub(super) struct Scanner<R> {
    text: R,
    bounds: Bounds,
    /// The line that is being read, from 1.
    line: u64,
    /// The byte that closes the container.
    close: u8,
    /// Whether nothing of the container has been read yet.
    fresh: bool,
}

impl<R: BufRead> Scanner<R> {
    pub(super) fn new(text: R, bounds: Bounds) -> Self {
        Self { text, bounds, line: 1, close: 0, fresh: true }
    }

    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Enters the container that the document is. Returns its first byte.
    pub(super) fn enter(&mut self) -> Result<u8> {
        let open = match self.peek()? {
            Some(open @ (b'{' | b'[')) => open,
            other => return Err(self.unexpected("an object or an array", other)),
        };
        self.close = if open == b'{' { b'}' } else { b']' };
        self.consume(1);
        Ok(open)
    }

    /// Whether there is one more member or element. If there is none, the document must end here.
    pub(super) fn has_next(&mut self) -> Result<bool> {
        match self.peek()? {
            Some(byte) if byte == self.close => {
                self.consume(1);
                match self.peek()? {
                    None => Ok(false),
                    other => Err(self.unexpected("the end of the document", other)),
                }
            }
            _ if self.fresh => {
                self.fresh = false;
                Ok(true)
            }
            Some(b',') => {
                self.consume(1);
                // The line of a row is the one in which it begins.
                self.peek()?;
                Ok(true)
            }
            other => Err(self.unexpected(&format!("`,` or `{}`", char::from(self.close)), other)),
        }
    }

    /// Reads the name of the next member, as JSON, and the colon after it.
    pub(super) fn name(&mut self, into: &mut Vec<u8>) -> Result<()> {
        match self.peek()? {
            Some(b'"') => self.text_of(into, self.bounds.name, Bounds::too_long_name)?,
            other => return Err(self.unexpected("a name", other)),
        }
        match self.peek()? {
            Some(b':') => self.consume(1),
            other => return Err(self.unexpected("`:`", other)),
        }
        Ok(())
    }

    /// Reads the text of the next value, without the white space in it.
    pub(super) fn value(&mut self, into: &mut Vec<u8>) -> Result<()> {
        self.text_of(into, self.bounds.row, Bounds::too_long)
    }

    fn text_of(&mut self, into: &mut Vec<u8>, max: usize, too_long: fn(&Bounds, u64) -> Problem) -> Result<()> {
        into.clear();
        let (first, line) = (self.peek()?, self.line);
        let mut value = match first {
            Some(b'{' | b'[' | b'"') => Value::Nested { depth: 0, string: Quote::Outside },
            Some(byte) if !ends_word(byte) => Value::Word,
            other => return Err(self.unexpected("a value", other)),
        };
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Problem::unreadable(self.line, &error))?;
            if chunk.is_empty() {
                return if matches!(value, Value::Word) { Ok(()) } else { Err(self.cut_off("")) };
            }
            let end = value.end(chunk, into);
            let passed = end.unwrap_or(chunk.len());
            self.consume(passed);
            if into.len() > max {
                return Err(too_long(&self.bounds, line));
            }
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// The next byte that is not white space, without consuming it. `None` is the end.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Problem::unreadable(self.line, &error))?;
            let blank = chunk.iter().take_while(|byte| is_blank(**byte)).count();
            let (next, has_ended) = (chunk.get(blank).copied(), chunk.is_empty());
            self.consume(blank);
            if next.is_some() || has_ended {
                return Ok(next);
            }
        }
    }

    /// Goes on by this many bytes of the buffer.
    fn consume(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        // The buffer is not empty: this does not read.
        let passed = self.text.fill_buf().unwrap_or_default();
        self.line += passed[..bytes.min(passed.len())].iter().filter(|byte| **byte == b'\n').count() as u64;
        self.text.consume(bytes);
    }

    fn unexpected(&self, expected: &str, found: Option<u8>) -> Problem {
        match found {
            None => self.cut_off(&format!(": expected {expected}")),
            Some(byte) => {
                let message = format!("expected {expected}, found `{}`", byte.escape_ascii());
                Problem::at(self.line, message)
            }
        }
    }

    fn cut_off(&self, expected: &str) -> Problem {
        let message = format!("the document is cut off{expected}; its producer has probably failed: run it again");
        Problem::at(self.line, message)
    }
}

/// What kind of value is being read, and how far.
enum Value {
    /// An object, an array or a text, which has its own end: how many containers are open, and whether a text is.
    Nested { depth: usize, string: Quote },
    /// A number, `true`, `false` or `null`, which ends where something else begins.
    Word,
}

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    Outside,
    Inside,
    Escaped,
}

impl Value {
    /// Adds the bytes of the value in this chunk. Returns where the value ends, if it ends here.
    fn end(&mut self, chunk: &[u8], into: &mut Vec<u8>) -> Option<usize> {
        let Self::Nested { depth, string } = self else {
            let end = chunk.iter().position(|byte| ends_word(*byte));
            into.extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
            return end;
        };
        let mut kept = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match (*string, byte) {
                (Quote::Inside, b'\\') => *string = Quote::Escaped,
                (Quote::Escaped, _) => *string = Quote::Inside,
                (Quote::Inside, b'"') => *string = Quote::Outside,
                (Quote::Inside, _) => continue,
                (Quote::Outside, b'"') => *string = Quote::Inside,
                (Quote::Outside, b'{' | b'[') => *depth += 1,
                (Quote::Outside, b'}' | b']') => *depth -= 1,
                (Quote::Outside, byte) if is_blank(byte) => {
                    into.extend_from_slice(&chunk[kept..at]);
                    kept = at + 1;
                    continue;
                }
                (Quote::Outside, _) => continue,
            }
            if *depth == 0 && *string == Quote::Outside {
                into.extend_from_slice(&chunk[kept..=at]);
                return Some(at + 1);
            }
        }
        into.extend_from_slice(&chunk[kept..]);
        None
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn ends_word(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b',' | b':' | b']' | b'}')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn scanner(text: &str, chunk: usize) -> Scanner<BufReader<&[u8]>> {
        let bounds = Bounds::new(&kiwi_host::Limits { value_bytes: 10, key_bytes: 3, ..kiwi_host::Limits::default() });
        Scanner::new(BufReader::with_capacity(chunk, text.as_bytes()), bounds)
    }

    #[test]
    fn values_are_whole_for_chunks_of_any_size() {
        let values =
            [r#"{"a":["\"}]\\",{}],"b c":1.10}"#, r#""\\\" x""#, "[]", "-1E+400", "null", r#""é[""#, "[[[1]],{}]"];
        let document = format!("\n [ {} ] \n", values.join(" ,\n"));
        for chunk in 1..document.len() {
            let (mut scanner, mut found) = (scanner(&document, chunk), Vec::new());
            assert_eq!(scanner.enter().unwrap(), b'[');
            for (line, value) in (2..).zip(values) {
                assert!(scanner.has_next().unwrap());
                assert_eq!(scanner.line(), line);
                scanner.value(&mut found).unwrap();
                assert_eq!(std::str::from_utf8(&found), Ok(value));
            }
            assert!(!scanner.has_next().unwrap());
        }
    }

    #[test]
    fn a_text_that_is_not_a_document_is_an_error_with_its_line() {
        let read = |text: &str| -> Result<()> {
            let (mut scanner, mut value) = (scanner(text, 3), Vec::new());
            let open = scanner.enter()?;
            while scanner.has_next()? {
                if open == b'{' {
                    scanner.name(&mut value)?;
                }
                scanner.value(&mut value)?;
            }
            Ok(())
        };
        let message = |text: &str| read(text).unwrap_err().to_string();
        let cut = "; its producer has probably failed: run it again";
        assert_eq!(message("\n"), format!("line 2: the document is cut off: expected an object or an array{cut}"));
        assert_eq!(message("x"), "line 1: expected an object or an array, found `x`");
        assert_eq!(message("[1\n2]"), "line 2: expected `,` or `]`, found `2`");
        assert_eq!(message("[1,]"), "line 1: expected a value, found `]`");
        assert_eq!(message("[1}"), "line 1: expected `,` or `]`, found `}`");
        assert_eq!(message("[1,\n{\"a\":\n2"), format!("line 3: the document is cut off{cut}"));
        assert_eq!(message("[1"), format!("line 1: the document is cut off: expected `,` or `]`{cut}"));
        assert_eq!(message("[]\n\n[]"), "line 3: expected the end of the document, found `[`");
        assert_eq!(message("{1: 2}"), "line 1: expected a name, found `1`");
        assert_eq!(message("{\"a\" 2}"), "line 1: expected `:`, found `2`");
        let long = format!("[\n\"{}\"]", "x".repeat(2_000));
        assert!(message(&long).starts_with("line 2: the row is longer than a value may be (10 B)"));
        assert!(
            message("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": 1}")
                .starts_with("line 1: the name is longer than a key may be (3 B)")
        );
    }
}
