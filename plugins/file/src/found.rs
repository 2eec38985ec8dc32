//! The files to load: one, or those that a pattern matches.

use std::fs::{File, Metadata};
use std::io;
use std::time::UNIX_EPOCH;

use glob::{MatchOptions, glob_with};
use kiwi_loader::Error;
use twox_hash::XxHash3_128;

/// How many files a pattern may match.
const MAX_FILES: usize = 10_000;

/// A file, and how it was when it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: String,
    /// A text that is different after the file has changed.
    pub(crate) stamp: String,
    opened: Option<File>,
}

impl Found {
    /// Opens it, if that is not done yet.
    pub(crate) fn open(&mut self) -> Result<File, Error> {
        self.opened.take().map_or_else(|| open(&self.path), Ok)
    }
}

/// Whether a path is a pattern.
pub(crate) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// The directory that a pattern begins with.
pub(crate) fn unchanging_part(pattern: &str) -> &str {
    let special = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    match pattern[..special].rfind('/') {
        None => ".",
        Some(0) => "/",
        Some(end) => &pattern[..end],
    }
}

/// The files of a path, in the order of their names. There is at least one.
pub(crate) fn find(path: &str) -> Result<Vec<Found>, Error> {
    if is_pattern(path) { matching(path) } else { Ok(vec![one(path)?]) }
}

fn one(path: &str) -> Result<Found, Error> {
    let file = open(path)?;
    let stamp = stamp(&file.metadata()?).map_err(|error| error.context(path))?;
    Ok(Found { path: path.to_owned(), stamp, opened: Some(file) })
}

fn matching(pattern: &str) -> Result<Vec<Found>, Error> {
    let directory = unchanging_part(pattern);
    // It is the reason why nothing matches, if it is not there.
    std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    // As in a shell: what begins with a dot is hidden, as the temporary files of many programs are.
    let options =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let paths = glob_with(pattern, options).map_err(|error| {
        Error::invalid_settings(format_args!("`path`: `{pattern}` is not a valid pattern: {error}"))
    })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| unreadable(&error.path().display().to_string(), error.error()))?;
        let name = path.display().to_string();
        // A link that leads nowhere, or a file that was deleted in the meantime, is not an answer.
        let metadata = path.metadata().map_err(|error| unreadable(&name, &error))?;
        if metadata.is_dir() {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(Error::other(format_args!("{pattern} matches more than {MAX_FILES} files")));
        }
        let stamp = stamp(&metadata).map_err(|error| error.context(&name))?;
        files.push(Found { path: name, stamp, opened: None });
    }
    if files.is_empty() {
        return Err(Error::unavailable(format_args!("no file matches {pattern}")));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn open(path: &str) -> Result<File, Error> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

/// The host adds what is not granted.
fn unreadable(path: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::unavailable(format_args!("{path} is not there")),
        io::ErrorKind::PermissionDenied => {
            Error::denied(format_args!("{path} cannot be read, or leads out of its granted directory: {error}"))
        }
        _ => Error::other(format_args!("{path}: {error}")),
    }
}

/// A text that is different after the file has changed.
pub(crate) fn stamp(metadata: &Metadata) -> Result<String, Error> {
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}.{:09} {}", modified.as_secs(), modified.subsec_nanos(), metadata.len()))
}

/// A mark that is different after a file has changed, or another one matches. It must be short.
pub(crate) fn mark_of(path: &str, files: &[Found]) -> String {
    if let [Found { stamp, .. }] = files
        && !is_pattern(path)
    {
        return stamp.clone();
    }
    let mut hasher = XxHash3_128::new();
    for Found { path, stamp, .. } in files {
        hasher.write(format!("{path}\0{stamp}\0").as_bytes());
    }
    format!("{} files {:032x}", files.len(), hasher.finish_128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_begins_with_a_directory() {
        assert_eq!(unchanging_part("data/*.csv"), "data");
        assert_eq!(unchanging_part("data/2026/[0-9]?/*.csv"), "data/2026");
        assert_eq!(unchanging_part("data/air*.csv"), "data");
        assert_eq!((unchanging_part("*.csv"), unchanging_part("/*.csv")), (".", "/"));
        assert_eq!(unchanging_part("/srv/**/a.csv"), "/srv");
        assert!(is_pattern("data/*.csv") && is_pattern("a?.csv") && !is_pattern("data/[a].csv"));
    }
}
