//! Splits a JSON document into its containers and values while it is read.
//!
//! It only finds where a value ends. What is in a value is checked when its row is parsed, or when it is loaded. So it is
//! several times as fast as a streaming parser, and digits stay as they are written.

use std::io::BufRead;

use crate::error::{Error, Problem, Result};

/// A document, read up to a place inside some open containers.
#[derive(Debug)]
pub struct Scanner<R> {
    text: R,
    max_row: usize,
    max_name: usize,
    /// The line that is being read, from 1.
    line: u64,
    /// How many containers are open.
    depth: usize,
    /// The byte that closes the innermost container.
    close: u8,
    /// Whether nothing of the innermost container has been read yet.
    fresh: bool,
}

impl<R: BufRead> Scanner<R> {
    /// A document of any size.
    pub fn new(text: R) -> Self {
        Self::bounded(text, usize::MAX, usize::MAX)
    }

    /// A document whose values and names may not have more bytes than these.
    pub fn bounded(text: R, max_row: usize, max_name: usize) -> Self {
        Self { text, max_row, max_name, line: 1, depth: 0, close: 0, fresh: false }
    }

    /// The line that is being read: where a value is next, that of its first byte.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The next byte that is not white space, without consuming it. `None` is the end.
    ///
    /// # Errors
    /// The text cannot be read.
    pub fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Error::at(self.line, Problem::Io(error)))?;
            let blank = chunk.iter().take_while(|byte| is_blank(**byte)).count();
            self.line += line_breaks(&chunk[..blank]);
            let (next, has_ended) = (chunk.get(blank).copied(), chunk.is_empty());
            self.text.consume(blank);
            if next.is_some() || has_ended {
                return Ok(next);
            }
        }
    }

    /// Enters the object or array that comes next. Returns its first byte.
    ///
    /// # Errors
    /// Something else comes next.
    pub fn enter(&mut self) -> Result<u8> {
        let open = match self.peek()? {
            Some(open @ (b'{' | b'[')) => open,
            other => return Err(self.unexpected("an object or an array", other)),
        };
        self.close = if open == b'{' { b'}' } else { b']' };
        self.text.consume(1);
        self.depth += 1;
        self.fresh = true;
        Ok(open)
    }

    /// Whether the innermost container has one more item. If it has none, this leaves the container.
    ///
    /// # Errors
    /// Neither an item nor the end of the container comes next.
    pub fn has_next(&mut self) -> Result<bool> {
        match self.peek()? {
            Some(byte) if byte == self.close => {
                self.text.consume(1);
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            _ if self.fresh => {
                self.fresh = false;
                Ok(true)
            }
            Some(b',') => {
                self.text.consume(1);
                // The line of an item is the one in which it begins.
                self.peek()?;
                Ok(true)
            }
            other => Err(self.unexpected(&format!("`,` or `{}`", char::from(self.close)), other)),
        }
    }

    /// Reads the name of an object's next member, as JSON, and the colon after it.
    ///
    /// # Errors
    /// There is none, or it is too long.
    pub fn name(&mut self, name: &mut Vec<u8>) -> Result<()> {
        match self.peek()? {
            Some(b'"') => self.collect(name, self.max_name, Problem::NameTooLong)?,
            other => return Err(self.unexpected("a name", other)),
        }
        match self.peek()? {
            Some(b':') => self.text.consume(1),
            other => return Err(self.unexpected("`:`", other)),
        }
        Ok(())
    }

    /// Reads the text of the next value, without the white space in it.
    ///
    /// # Errors
    /// There is none, or it is too long.
    pub fn value(&mut self, value: &mut Vec<u8>) -> Result<()> {
        self.collect(value, self.max_row, Problem::RowTooLong)
    }

    /// Skips the next value.
    ///
    /// # Errors
    /// There is none.
    pub fn skip(&mut self) -> Result<()> {
        self.pass(|_| Ok(()))
    }

    /// Reads to the end of the document.
    ///
    /// # Errors
    /// The document is cut off, or is followed by more.
    pub fn finish(mut self) -> Result<()> {
        if self.depth > 0 {
            self.pass_until(Nesting { depth: self.depth, string: Quote::Outside, line_breaks: 0 }, |_| Ok(()))?;
        }
        match self.peek()? {
            None => Ok(()),
            other => Err(self.unexpected("the end of the document", other)),
        }
    }

    fn collect(&mut self, value: &mut Vec<u8>, max: usize, too_long: Problem) -> Result<()> {
        value.clear();
        self.peek()?;
        let (line, mut too_long) = (self.line, Some(too_long));
        self.pass(|bytes| {
            value.extend_from_slice(bytes);
            match too_long.take_if(|_| value.len() > max) {
                Some(problem) => Err(Error::at(line, problem)),
                None => Ok(()),
            }
        })
    }

    fn pass(&mut self, sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self.peek()? {
            Some(b'{' | b'[' | b'"') => {
                self.pass_until(Nesting { depth: 0, string: Quote::Outside, line_breaks: 0 }, sink)
            }
            _ => self.pass_word(sink),
        }
    }

    /// Passes over a value that has its own end: an object, an array, a string.
    fn pass_until(&mut self, mut nesting: Nesting, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Error::at(self.line, Problem::Io(error)))?;
            if chunk.is_empty() {
                return Err(Error::at(self.line, Problem::CutOff(None)));
            }
            let end = nesting.end(chunk, &mut sink)?;
            let passed = end.unwrap_or(chunk.len());
            self.text.consume(passed);
            self.line += std::mem::take(&mut nesting.line_breaks);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Passes over a number, `true`, `false` or `null`, which ends where something else begins.
    fn pass_word(&mut self, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut length = 0;
        loop {
            let chunk = self.text.fill_buf().map_err(|error| Error::at(self.line, Problem::Io(error)))?;
            let end = chunk.iter().position(|byte| is_blank(*byte) || matches!(byte, b',' | b':' | b']' | b'}'));
            let passed = end.unwrap_or(chunk.len());
            sink(&chunk[..passed])?;
            length += passed;
            let has_ended = end.is_some() || chunk.is_empty();
            self.text.consume(passed);
            if has_ended && length == 0 {
                let found = self.peek()?;
                return Err(self.unexpected("a value", found));
            }
            if has_ended {
                return Ok(());
            }
        }
    }

    fn unexpected(&self, expected: &str, found: Option<u8>) -> Error {
        let expected = expected.to_owned();
        Error::at(
            self.line,
            match found {
                None => Problem::CutOff(Some(expected)),
                Some(found) => Problem::Unexpected { expected, found },
            },
        )
    }
}

/// How many containers of a value are open, and whether a string is.
struct Nesting {
    depth: usize,
    string: Quote,
    /// Passed outside strings, since this was last counted. A string cannot have any.
    line_breaks: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    Outside,
    Inside,
    Escaped,
}

impl Nesting {
    /// Passes the bytes of the value to `sink`. Returns where the value ends, if it ends in this chunk.
    fn end(&mut self, chunk: &[u8], sink: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<Option<usize>> {
        let mut kept = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match (self.string, byte) {
                (Quote::Inside, b'\\') => self.string = Quote::Escaped,
                (Quote::Escaped, _) => self.string = Quote::Inside,
                (Quote::Inside, b'"') => self.string = Quote::Outside,
                (Quote::Inside, _) => continue,
                (Quote::Outside, b'"') => self.string = Quote::Inside,
                (Quote::Outside, b'{' | b'[') => self.depth += 1,
                // The document may close more than it has opened.
                (Quote::Outside, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                (Quote::Outside, byte) if is_blank(byte) => {
                    self.line_breaks += u64::from(byte == b'\n');
                    sink(&chunk[kept..at])?;
                    kept = at + 1;
                    continue;
                }
                (Quote::Outside, _) => continue,
            }
            if self.depth == 0 && self.string == Quote::Outside {
                sink(&chunk[kept..=at])?;
                return Ok(Some(at + 1));
            }
        }
        sink(&chunk[kept..])?;
        Ok(None)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn values_are_whole_for_chunks_of_any_size() {
        let values =
            [r#"{"a":["\"}]\\",{}],"b c":1.10}"#, r#""\\\" x""#, "[]", "-1E+400", "null", r#""é[""#, "[[[1]],{}]"];
        let document = format!("\n [ {} ] \n", values.join(" ,\n"));
        for chunk in 1..document.len() {
            let mut scanner = Scanner::new(BufReader::with_capacity(chunk, document.as_bytes()));
            let mut found = Vec::new();
            assert_eq!(scanner.enter().unwrap(), b'[');
            for (line, value) in (2..).zip(values) {
                assert!(scanner.has_next().unwrap());
                assert_eq!(scanner.line(), line);
                scanner.value(&mut found).unwrap();
                assert_eq!(std::str::from_utf8(&found), Ok(value));
            }
            assert!(!scanner.has_next().unwrap());
            scanner.finish().unwrap();
        }
    }

    #[test]
    fn only_white_space_outside_strings_is_dropped() {
        let (mut scanner, mut value) = (Scanner::new(&b"\n{ \"a b\" :\t[ 1 ,\n \"\\\" }\" ] }"[..]), Vec::new());
        scanner.value(&mut value).unwrap();
        assert_eq!(value, br#"{"a b":[1,"\" }"]}"#);
        assert_eq!(scanner.line(), 3);
    }

    #[test]
    fn a_text_that_is_not_a_document_is_an_error_with_its_line() {
        let read = |text: &str, skips: bool| -> Result<()> {
            let mut scanner = Scanner::bounded(BufReader::with_capacity(3, text.as_bytes()), 1_000, 10);
            let mut value = Vec::new();
            let open = scanner.enter()?;
            while scanner.has_next()? {
                if open == b'{' {
                    scanner.name(&mut value)?;
                }
                if skips { scanner.skip()? } else { scanner.value(&mut value)? }
            }
            scanner.finish()
        };
        for (text, expected) in [
            ("\n", "line 2: the document is cut off: expected an object or an array"),
            ("x", "line 1: expected an object or an array, found `x`"),
            ("[1\n2]", "line 2: expected `,` or `]`, found `2`"),
            ("[1,]", "line 1: expected a value, found `]`"),
            ("[,1]", "line 1: expected a value, found `,`"),
            ("[1}", "line 1: expected `,` or `]`, found `}`"),
            ("[1,\n{\"a\":\n2", "line 3: the document is cut off"),
            ("[1", "line 1: the document is cut off: expected `,` or `]`"),
            ("[]\n\n[]", "line 3: expected the end of the document, found `[`"),
            ("{1: 2}", "line 1: expected a name, found `1`"),
            ("{\"a\" 2}", "line 1: expected `:`, found `2`"),
            ("{\"aaaaaaaaaaaaaaa\": 1}", "line 1: the name is too long"),
        ] {
            for skips in [false, true] {
                assert_eq!(read(text, skips).unwrap_err().to_string(), expected, "{text}");
            }
        }
        let long = format!("[\n\"{}\n\"]", "x".repeat(2_000));
        assert_eq!(read(&long, false).unwrap_err().to_string(), "line 2: the row is too long");
        assert!(read(&long, true).is_ok(), "what is skipped takes no memory");
    }

    #[test]
    fn the_rest_of_a_document_is_read_to_its_end() {
        let rest = |text: &'static str| {
            let mut scanner = Scanner::new(text.as_bytes());
            scanner.enter().and_then(|_| scanner.finish())
        };
        assert!(rest("[1, {\"a\": \"]\"}]\n").is_ok());
        assert!(rest("[1, [2]").is_err() && rest("[1]]").is_err());
    }
}
