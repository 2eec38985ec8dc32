//! Text from loaders, as it may stand in a log, an error or a store.

/// A loader's text, cut to `most` bytes and free of control characters but line feeds: it can neither
/// fill memory, nor steer a terminal.
pub(crate) fn text(text: &str, most: usize) -> String {
    let end = text.floor_char_boundary(most);
    let mut plain = String::with_capacity(end + 3);
    for character in text[..end].chars() {
        match character {
            '\n' => plain.push('\n'),
            character if character.is_control() => plain.extend(character.escape_default()),
            character => plain.push(character),
        }
    }
    if end < text.len() {
        plain.push('…');
    }
    plain
}

/// A loader's error stands in logs, and in the store for every reader's look.
pub(crate) fn message(of_loader: &str) -> String {
    line(of_loader, 1 << 10)
}

/// As `text`, in one line: a line feed could make one line of a log look like two.
pub(crate) fn line(of_loader: &str, most: usize) -> String {
    text(of_loader.trim_end(), most).replace('\n', "\\n")
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
