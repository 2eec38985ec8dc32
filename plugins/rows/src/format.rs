//! The format of a text.

use kiwi_loader::SettingValue;

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document.
    Json,
    /// JSON objects, one on each line.
    Ndjson,
    /// Comma-separated values, with a header.
    Csv,
}

impl Format {
    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Csv => "CSV",
        }
    }

    /// The format of a file whose name ends like this.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// Whether a text that begins like this can have this format: a page of HTML cannot.
    pub fn fits(self, beginning: &[u8]) -> bool {
        let text = beginning.strip_prefix("\u{feff}".as_bytes()).unwrap_or(beginning);
        let first = text.trim_ascii_start().first();
        match self {
            Self::Json => matches!(first, Some(b'{' | b'[')),
            Self::Ndjson => matches!(first, None | Some(b'{')),
            Self::Csv => first != Some(&b'<'),
        }
    }

    /// What a row is counted by.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Json => "row",
            Self::Ndjson | Self::Csv => "line",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_html_has_none_of_the_formats() {
        for format in [Format::Json, Format::Ndjson, Format::Csv] {
            assert!(!format.fits(b"\r\n<!DOCTYPE html>"), "{format:?}");
        }
        assert!(Format::Json.fits("\u{feff} [1]".as_bytes()) && Format::Json.fits(b"{") && !Format::Json.fits(b""));
        assert!(Format::Ndjson.fits(b"\n{\"a\": 1}") && Format::Ndjson.fits(b"") && !Format::Ndjson.fits(b"down"));
        assert!(Format::Csv.fits(b"iata,name") && Format::Csv.fits(b""));
    }
}
