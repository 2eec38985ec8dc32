//! How long a row may be: an endless one must not fill the memory.

use kiwi_host::Limits;

use super::problem::Problem;
use crate::human;

/// For names, spaces and brackets around a key and its value.
const SLACK: u64 = 1 << 10;
/// JSON may write one byte of a key as `\u0000`.
const ESCAPED: u64 = 6;

/// How long a row and a key may be as they are written. What they hold is checked exactly when it is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of one row.
    pub(super) row: usize,
    /// Bytes of one name of an object whose names are the keys.
    pub(super) name: usize,
    key_bytes: u64,
    value_bytes: u64,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        let name = limits.key_bytes.saturating_mul(ESCAPED).saturating_add(2);
        let value_bytes = limits.value_bytes.min(limits.total_bytes);
        let row = value_bytes.saturating_add(name).saturating_add(SLACK);
        // One more is read to see that a row is too long.
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(usize::MAX - 1);
        Self { row: bytes(row), name: bytes(name), key_bytes: limits.key_bytes, value_bytes }
    }

    /// What is wrong with a text, and what to do.
    pub(super) fn problem(&self, error: kiwi_rows::Error) -> Problem {
        let kiwi_rows::Error { line, problem } = error;
        match problem {
            kiwi_rows::Problem::Io(error) => Problem::unreadable(line, &error),
            kiwi_rows::Problem::RowTooLong => self.too_long(line),
            kiwi_rows::Problem::NameTooLong => self.too_long_name(line),
            kiwi_rows::Problem::CutOff(_) => {
                Problem::at(line, format_args!("{problem}; its producer has probably failed: run it again"))
            }
            kiwi_rows::Problem::NotUtf8(_) => Problem::at(line, format_args!("{problem}: write the rows as UTF-8")),
            problem => Problem::at(line, problem),
        }
    }

    /// That a name is longer than any key that could be published.
    fn too_long_name(&self, line: u64) -> Problem {
        let message = format!(
            "the name is longer than a key may be ({}): look for a quote that is missing, or raise `limits.key_bytes` of \
             this cache in kiwi.toml",
            human::bytes(self.key_bytes)
        );
        Problem::at(line, message)
    }

    /// That a row is longer than any that could be published.
    pub(super) fn too_long(&self, line: u64) -> Problem {
        let allowed = human::bytes(self.value_bytes);
        let message = format!(
            "the row is longer than a value may be ({allowed}): if that is right, raise `limits.value_bytes` of this \
             cache in kiwi.toml; if not, look for a line break, a quote or a bracket that is missing"
        );
        Problem::at(line, message)
    }
}
