//! A page of the documentation, and its code blocks.

use super::repository;

/// A Markdown file.
pub(crate) struct Page(String);

/// A page, by its path in the repository.
pub(crate) fn page(path: &str) -> Page {
    Page(std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}")))
}

impl Page {
    /// Its lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// The blocks of a language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<String> {
        let blocks = self.0.split("\n```").skip(1).step_by(2);
        blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).map(ToOwned::to_owned).collect()
    }
}
