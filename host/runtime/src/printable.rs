//! Text from loaders, as it may stand in a log, an error or a store.

use bytesize::ByteSize;

/// A loader's text, cut to `max_bytes` and without invisible characters except line feeds, so that it can
/// neither fill memory nor control a terminal.
pub(crate) fn text(text: &str, max_bytes: usize) -> String {
    let end = text.floor_char_boundary(max_bytes);
    let mut printable = String::with_capacity(end + 3);
    for character in text[..end].chars() {
        match character {
            '\n' => printable.push('\n'),
            character if is_invisible(character) => printable.extend(character.escape_default()),
            character => printable.push(character),
        }
    }
    if end < text.len() {
        printable.push('…');
    }
    printable
}

/// A loader's error, as it appears in logs and in the store.
pub(crate) fn message(loader_text: &str) -> String {
    line(loader_text, 1 << 10)
}

/// As `text`, on one line: a line feed could make one log line look like two.
pub(crate) fn line(loader_text: &str, max_bytes: usize) -> String {
    text(loader_text.trim_end(), max_bytes).replace('\n', "\\n")
}

/// A text as it stands in a message: quoted, escaped, and not longer than a line.
pub(crate) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("`{}…`", text[..end].escape_debug()),
        None => format!("`{}`", text.escape_debug()),
    }
}

/// A number of bytes for people: `511 B`, `64 MiB`, `1.5 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string().replace(".0 ", " ")
}

/// Whether a character is one that people cannot see, and that may control a terminal, break a line or change
/// the order in which a line is read: control characters, line and paragraph separators, and Unicode's format
/// characters (bidirectional controls, zero-width characters, tags).
///
/// What a loader wrote (keys, values, names) should not reach a terminal with such characters in it.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'
            | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(text("a\u{1b}[31m\tb\nc é", 100), "a\\u{1b}[31m\\tb\nc é");
        assert_eq!(line("a\nERROR forged\n", 100), "a\\nERROR forged");
        assert_eq!(text("é€", 4), "é…");
        assert_eq!(text(&"x".repeat(10_000), 10).len(), 10 + '…'.len_utf8());
    }

    #[test]
    fn characters_that_nobody_sees_are_escaped() {
        let invisible = "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{200d}\u{feff}\u{9b}\u{85}\u{2028}\u{2029}\u{ad}\u{e0041}";
        for character in invisible.chars() {
            assert_eq!(line(&format!("a{character}b"), 100), format!("a\\u{{{:x}}}b", u32::from(character)));
        }
        let visible = "Zürich, 東京, e\u{301}, हिन्दी, 🇮🇪, a\u{a0}b";
        assert_eq!(line(visible, 100), visible);
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!([511, 65_536, 64 << 20, 3 << 29].map(bytes), ["511 B", "64 KiB", "64 MiB", "1.5 GiB"]);
    }
}
