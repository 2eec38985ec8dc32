//! Text from loaders, as it may stand in a log, an error or a store.

/// A loader's text, cut to `max_bytes` and without control characters except line feeds, so that it can
/// neither fill memory nor control a terminal.
pub(crate) fn text(text: &str, max_bytes: usize) -> String {
    let end = text.floor_char_boundary(max_bytes);
    let mut printable = String::with_capacity(end + 3);
    for character in text[..end].chars() {
        match character {
            '\n' => printable.push('\n'),
            character if character.is_control() => printable.extend(character.escape_default()),
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
}
