//! What loaders wrote (keys, values, names) as it may reach a terminal: on one line, and without characters that
//! nobody sees.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use kiwi_host::is_invisible;
use serde_json::ser::Formatter;

/// Text on one line, its invisible characters escaped: `a\tb`, `a\u{202e}b`.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |character, line| line.extend(character.escape_default()))
}

/// JSON text on one line, which means the same: inside of strings invisible characters are escaped (`\u202e`), and
/// between tokens a line break is a space.
pub(crate) fn json(json: &str) -> Cow<'_, str> {
    escaped(json, |character, line| match character {
        // JSON has these only between tokens.
        '\n' | '\r' | '\t' => line.push(' '),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_invisible(character) {
            escape(character, &mut line);
        } else {
            line.push(character);
        }
    }
    Cow::Owned(line)
}

/// Writes JSON as [`json`] has it.
pub(crate) struct VisibleJson;

impl Formatter for VisibleJson {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(json(fragment).as_bytes())
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(json(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn text_stays_on_its_line() {
        assert_eq!(text("a\tb\nc\u{1b}[31m"), "a\\tb\\nc\\u{1b}[31m");
        assert_eq!(text("a\u{202e}b\u{2028}c"), "a\\u{202e}b\\u{2028}c");
        assert!(matches!(text("Zürich 東京 🇮🇪"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_means_the_same_on_one_line() {
        let raw = "{\n\t\"a\u{202e}\": \"\u{9b}x\u{200b}\u{e0041}é\"\r\n}";
        let shown = json(raw);
        assert_eq!(shown, "{  \"a\\u202e\": \"\\u009bx\\u200b\\udb40\\udc41é\"  }");
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&shown), value(raw));
    }
}
