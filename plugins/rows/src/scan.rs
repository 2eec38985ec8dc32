//! Splits a JSON document into its containers and values while it is read.
//!
//! It only finds where a value ends: each row is parsed later, and the host checks every value. So it is several times as
//! fast as a streaming parser, and digits stay as they are written.

use std::io::BufRead;

use kiwi_loader::Error;

/// A document, read up to a place inside some open containers.
pub(crate) struct Scanner<R> {
    text: R,
    /// How many containers are open.
    depth: usize,
    /// The byte that closes the innermost container.
    close: u8,
    /// Whether nothing of the innermost container has been read yet.
    fresh: bool,
}

impl<R: BufRead> Scanner<R> {
    pub(crate) fn new(text: R) -> Self {
        Self { text, depth: 0, close: 0, fresh: false }
    }

    /// The next byte that is not white space, without consuming it. `None` is the end.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            let chunk = self.text.fill_buf()?;
            let blank = chunk.iter().take_while(|byte| is_blank(**byte)).count();
            let next = chunk.get(blank).copied();
            let ended = chunk.is_empty();
            self.text.consume(blank);
            if next.is_some() || ended {
                return Ok(next);
            }
        }
    }

    /// Enters the object or array that comes next.
    pub(crate) fn enter(&mut self) -> Result<(), Error> {
        self.close = match self.peek()? {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            other => return Err(unexpected("an object or an array", other)),
        };
        self.text.consume(1);
        self.depth += 1;
        self.fresh = true;
        Ok(())
    }

    /// Whether the innermost container has one more item. If it has none, this leaves the container.
    pub(crate) fn has_next(&mut self) -> Result<bool, Error> {
        match self.peek()? {
            Some(byte) if byte == self.close => {
                self.text.consume(1);
                self.depth -= 1;
                Ok(false)
            }
            _ if self.fresh => {
                self.fresh = false;
                Ok(true)
            }
            Some(b',') => {
                self.text.consume(1);
                Ok(true)
            }
            other => Err(unexpected(&format!("`,` or `{}`", char::from(self.close)), other)),
        }
    }

    /// The name of an object's next member.
    pub(crate) fn name(&mut self) -> Result<String, Error> {
        match self.peek()? {
            Some(b'"') => {}
            other => return Err(unexpected("a name", other)),
        }
        let name = serde_json::from_str(&self.value()?)?;
        match self.peek()? {
            Some(b':') => self.text.consume(1),
            other => return Err(unexpected("`:`", other)),
        }
        Ok(name)
    }

    /// The text of the next value, without the white space in it.
    pub(crate) fn value(&mut self) -> Result<String, Error> {
        let mut value = Vec::new();
        self.pass(|bytes| value.extend_from_slice(bytes))?;
        String::from_utf8(value).map_err(|_| Error::other("the text is not UTF-8"))
    }

    /// Skips the next value.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        self.pass(|_| {})
    }

    /// Reads to the end of the document. A document that is cut off, or is followed by more, is an error.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if self.depth > 0 {
            self.pass_until(Nesting { depth: self.depth, string: Quote::Outside }, |_| {})?;
        }
        match self.peek()? {
            None => Ok(()),
            other => Err(unexpected("the end of the document", other)),
        }
    }

    fn pass(&mut self, sink: impl FnMut(&[u8])) -> Result<(), Error> {
        match self.peek()? {
            Some(b'{' | b'[' | b'"') => self.pass_until(Nesting { depth: 0, string: Quote::Outside }, sink),
            _ => self.pass_word(sink),
        }
    }

    /// Passes over a value that has its own end: an object, an array, a string.
    fn pass_until(&mut self, mut nesting: Nesting, mut sink: impl FnMut(&[u8])) -> Result<(), Error> {
        loop {
            let chunk = self.text.fill_buf()?;
            if chunk.is_empty() {
                return Err(Error::other("the document is cut off"));
            }
            let end = nesting.end(chunk, &mut sink);
            let passed = end.unwrap_or(chunk.len());
            self.text.consume(passed);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Passes over a number, `true`, `false` or `null`, which ends where something else begins.
    fn pass_word(&mut self, mut sink: impl FnMut(&[u8])) -> Result<(), Error> {
        let mut length = 0;
        loop {
            let chunk = self.text.fill_buf()?;
            let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b',' | b':' | b']' | b'}');
            let end = chunk.iter().position(ends);
            let passed = end.unwrap_or(chunk.len());
            sink(&chunk[..passed]);
            length += passed;
            let ended = end.is_some() || chunk.is_empty();
            self.text.consume(passed);
            if ended && length == 0 {
                return Err(unexpected("a value", self.peek()?));
            }
            if ended {
                return Ok(());
            }
        }
    }
}

/// How many containers of a value are open, and whether a string is.
struct Nesting {
    depth: usize,
    string: Quote,
}

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    Outside,
    Inside,
    Escaped,
}

impl Nesting {
    /// Passes the bytes of the value to `sink`. Returns where the value ends, if it ends in this chunk.
    fn end(&mut self, chunk: &[u8], sink: &mut impl FnMut(&[u8])) -> Option<usize> {
        let mut kept = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match (self.string, byte) {
                (Quote::Inside, b'\\') => self.string = Quote::Escaped,
                (Quote::Escaped, _) => self.string = Quote::Inside,
                (Quote::Inside, b'"') => self.string = Quote::Outside,
                (Quote::Inside, _) => continue,
                (Quote::Outside, b'"') => self.string = Quote::Inside,
                (Quote::Outside, b'{' | b'[') => self.depth += 1,
                (Quote::Outside, b'}' | b']') => self.depth -= 1,
                (Quote::Outside, b' ' | b'\t' | b'\n' | b'\r') => {
                    sink(&chunk[kept..at]);
                    kept = at + 1;
                    continue;
                }
                (Quote::Outside, _) => continue,
            }
            if self.depth == 0 && self.string == Quote::Outside {
                sink(&chunk[kept..=at]);
                return Some(at + 1);
            }
        }
        sink(&chunk[kept..]);
        None
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn unexpected(expected: &str, found: Option<u8>) -> Error {
    match found {
        None => Error::other(format_args!("the document is cut off: expected {expected}")),
        Some(byte) => Error::other(format_args!("expected {expected}, found `{}`", byte.escape_ascii())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn values_are_whole_for_chunks_of_any_size() {
        let values =
            [r#"{"a":["\"}]\\",{}],"b c":1.10}"#, r#""\\\" x""#, "[]", "-1E+400", "null", r#""é[""#, "[[[1]],{}]"];
        let document = format!(" [ {} ] ", values.join(" ,\n"));
        for size in 1..document.len() {
            let mut scanner = Scanner::new(BufReader::with_capacity(size, document.as_bytes()));
            scanner.enter().unwrap();
            for value in values {
                assert!(scanner.has_next().unwrap());
                assert_eq!(scanner.value().unwrap(), value);
            }
            assert!(!scanner.has_next().unwrap());
            scanner.finish().unwrap();
        }
    }

    #[test]
    fn only_white_space_outside_strings_is_dropped() {
        let mut scanner = Scanner::new(&b"\n{ \"a b\" :\t[ 1 , \"\\\" }\" ] }"[..]);
        assert_eq!(scanner.value().unwrap(), r#"{"a b":[1,"\" }"]}"#);
    }

    #[test]
    fn a_text_that_is_not_a_document_is_an_error() {
        let read = |text: &'static str| -> Result<(), Error> {
            let mut scanner = Scanner::new(text.as_bytes());
            scanner.enter()?;
            while scanner.has_next()? {
                scanner.skip()?;
            }
            scanner.finish()
        };
        let message = |text| read(text).unwrap_err().to_string();
        assert_eq!(message(""), "the document is cut off: expected an object or an array");
        assert_eq!(message("x"), "expected an object or an array, found `x`");
        assert_eq!(message("[1 2]"), "expected `,` or `]`, found `2`");
        assert_eq!(message("[1,]"), "expected a value, found `]`");
        assert_eq!(message("[,1]"), "expected a value, found `,`");
        assert_eq!(message("[1}"), "expected `,` or `]`, found `}`");
        assert_eq!(message("[1, {\"a\": 2"), "the document is cut off");
        assert_eq!(message("[1"), "the document is cut off: expected `,` or `]`");
        assert_eq!(message("[] []"), "expected the end of the document, found `[`");
    }
}
