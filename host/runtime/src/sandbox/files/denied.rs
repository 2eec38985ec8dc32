//! What a guest looked for and was not given. It says why a load failed, and does not make it fail: a guest may do
//! without a file.

use crate::failure::{Failure, FailureKind};
use crate::printable;

/// The longest path that is kept.
const PATH_BYTES: usize = 256;
/// How many paths of each kind are kept: the last.
const PATHS: usize = 32;

/// The last paths of each kind that were denied. Whether they began with `/` cannot be seen: see `bare`.
#[derive(Debug, Default)]
pub(super) struct Denied {
    /// What is neither a file nor a directory.
    special: Paths,
    /// Granted files that are directories.
    directories: Paths,
    /// Files to open.
    files: Paths,
    /// Directories to list, and paths to look at.
    places: Paths,
}

#[derive(Debug, Default)]
struct Paths(Vec<String>);

impl Denied {
    pub(super) fn special(&mut self, path: &str) {
        self.special.keep(path);
    }

    pub(super) fn directory(&mut self, path: &str) {
        self.directories.keep(path);
    }

    pub(super) fn file(&mut self, path: &str) {
        self.files.keep(path);
    }

    pub(super) fn place(&mut self, path: &str) {
        self.places.keep(path);
    }

    /// What to add to the message of a load that failed.
    pub(super) fn hint(&self, failure: &Failure, settings: &str) -> Option<String> {
        // Python names its sources in a backtrace, and looks for them.
        let is_source = |line: &&str| line.trim_start().starts_with("File \"");
        let detail = failure.detail.iter().flat_map(|detail| detail.lines()).filter(|line| !is_source(line));
        let texts: Vec<&str> = [failure.message.as_str(), settings].into_iter().chain(detail).collect();
        if let Some(path) = self.special.named(&texts).or_else(|| self.special.last()) {
            return Some(format!(
                "`{path}` is neither a file nor a directory but a named pipe, a socket or a device, which a plugin may not \
                 open; expected a regular file"
            ));
        }
        if let Some(path) = self.directories.named(&texts).or_else(|| self.directories.last()) {
            return Some(format!("`{path}` is a directory and not a file: grant it with dirs = [{path:?}]"));
        }
        // Many programs look for files that they can do without: for the sources of a Python backtrace, for example.
        let last = || self.files.last().filter(|_| failure.kind != FailureKind::Trap);
        if let Some(path) = self.files.named(&texts).or_else(last) {
            return Some(format!(
                "it asked for the file `{path}`, which is not granted: if it may read it, add files = [{path:?}] to this \
                 cache's grants"
            ));
        }
        let path = self.places.named(&texts)?;
        Some(format!(
            "it asked for `{path}`, which is not granted: if it may read it, add dirs = [{path:?}] for a directory or files \
             = [{path:?}] for a file to this cache's grants"
        ))
    }
}

impl Paths {
    fn keep(&mut self, path: &str) {
        let path = printable::line(path, PATH_BYTES);
        self.0.retain(|kept| *kept != path);
        if self.0.len() == PATHS {
            self.0.remove(0);
        }
        self.0.push(path);
    }

    fn last(&self) -> Option<String> {
        self.0.last().cloned()
    }

    /// The last that one of the texts names, as it is written there.
    fn named(&self, texts: &[&str]) -> Option<String> {
        let is_named = |path: &String| texts.iter().any(|text| names(text, path));
        self.0.iter().rev().flat_map(|path| [path.clone(), format!("/{path}")]).find(is_named)
    }
}

/// Whether a path stands in a text, and not only as a part of a longer one.
fn names(text: &str, path: &str) -> bool {
    let is_of_a_path = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let stands_alone = |at: usize| {
        let (before, after) = (&text[..at], &text[at + path.len()..]);
        // Python and Rust write a path with `./` as it was given.
        !before.strip_suffix("./").unwrap_or(before).ends_with(is_of_a_path)
            && !after.trim_start_matches('.').starts_with(is_of_a_path)
            // A place in a source that the exception names: `app.py:7`.
            && !after.strip_prefix(':').is_some_and(|line| line.starts_with(|c: char| c.is_ascii_digit()))
    };
    text.match_indices(path).any(|(at, _)| stands_alone(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(denied: &Denied, message: &str, settings: &str) -> String {
        denied.hint(&Failure::new(FailureKind::Other, message), settings).unwrap_or_default()
    }

    #[test]
    fn the_place_of_an_exception_is_not_a_file_that_it_asked_for() {
        assert!(!names("KeyError: 'USD', in load_from_source (/0/app.py:7)", "/0/app.py"));
        assert!(names("No such file or directory: '/0/rates.csv'", "/0/rates.csv"));
        assert!(names("could not open /0/rates.csv: no such file", "/0/rates.csv"));
    }

    #[test]
    fn the_hint_names_the_path_and_the_grant() {
        let mut denied = Denied::default();
        assert_eq!(hint(&denied, "failed", "{}"), "");
        denied.place("python/lib");
        assert_eq!(hint(&denied, "failed", "{}"), "");
        assert!(hint(&denied, "no such file: '/python/lib'", "{}").contains("dirs = [\"/python/lib\"]"));
        denied.file("data/a\u{1b}.csv");
        assert!(hint(&denied, "failed", "{}").contains("files = [\"data/a\\\\u{1b}.csv\"]"));
        denied.file("srv/a.csv");
        assert!(hint(&denied, "failed", "{}").contains("files = [\"srv/a.csv\"]"));
        assert!(hint(&denied, "failed", r#"{"path":"./srv/a.csv"}"#).contains("files = [\"srv/a.csv\"]"));
        assert!(hint(&denied, "failed", r#"{"path":"/srv/a.csv"}"#).contains("files = [\"/srv/a.csv\"]"));
        assert!(hint(&denied, "failed", r#"{"path":"../srv/a.csv"}"#).contains("files = [\"srv/a.csv\"]"));
        denied.special("data/pipe");
        assert!(hint(&denied, "failed", "{}").starts_with("`data/pipe` is neither a file"));
    }

    #[test]
    fn a_file_that_the_failure_names_comes_before_one_that_was_asked_for_later() {
        let mut denied = Denied::default();
        denied.file("data/rates.csv");
        (0..PATHS - 2).for_each(|n| denied.file(&format!("python/lib/{n}/app.py")));
        let mut trap = Failure::new(FailureKind::Trap, "the plugin trapped");
        assert_eq!(denied.hint(&trap, "{}"), None);
        denied.file("0/app.py");
        trap.detail = Some("  File \"/0/app.py\", line 23\nValueError: 7".to_owned());
        assert_eq!(denied.hint(&trap, "{}"), None);
        trap.detail = Some("  File \"/0/app.py\"\nFileNotFoundError: No such file: 'data/rates.csv'".to_owned());
        assert!(denied.hint(&trap, "{}").unwrap().contains("files = [\"data/rates.csv\"]"));
        denied.file("one/more");
        assert_eq!(denied.hint(&trap, "{}"), None);
    }
}
