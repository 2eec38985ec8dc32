//! Which files and directories a plugin may read, as the operator wrote them.

use std::path::{Path, PathBuf};

use kiwi_store::{Error, Result};

/// A directory a plugin may read, with all below it. It may not write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirGrant {
    /// Where it is.
    pub path: PathBuf,
    /// Under which path the plugin sees it: as the operator wrote it.
    pub guest_path: String,
}

impl DirGrant {
    /// A directory as the operator wrote it; a relative one is relative to `base`.
    #[must_use]
    pub fn new(written: &str, base: &Path) -> Self {
        Self { path: base.join(written), guest_path: written.to_owned() }
    }

    /// Whether a plugin finds this path, as it would write it, in the directory.
    pub(crate) fn covers(&self, guest_path: &str) -> bool {
        below(&normal(&self.guest_path), &normal(guest_path)).is_some()
    }
}

/// One file a plugin may read, and nothing else of its directory. The file may be replaced between two loads, and
/// need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileGrant {
    /// Where it is. A symbolic link may not lead out of its directory.
    pub path: PathBuf,
    /// Under which path the plugin sees it: as the operator wrote it.
    pub guest_path: String,
}

impl FileGrant {
    /// A file as the operator wrote it; a relative one is relative to `base`.
    ///
    /// # Errors
    /// It is not the path of a file.
    pub fn new(written: &str, base: &Path) -> Result<Self> {
        let quoted = written.escape_debug();
        if written.contains('*') {
            return Err(Error::invalid(format!(
                "`{quoted}` is not a valid file: a pattern is not supported; name each file, or grant their directory \
                 with `dirs`"
            )));
        }
        let ends_in_a_name = !matches!(written.rsplit('/').next(), None | Some("" | "." | ".."));
        if !ends_in_a_name || written.contains('\0') {
            return Err(Error::invalid(format!(
                "`{quoted}` is not a valid file: expected the path of one file, such as `data/airlines.csv`; for a \
                 whole directory use `dirs`"
            )));
        }
        Ok(Self { path: base.join(written), guest_path: written.to_owned() })
    }

    /// Whether this path, as a plugin would write it, is the file's.
    pub(crate) fn covers(&self, guest_path: &str) -> bool {
        normal(&self.guest_path) == normal(guest_path)
    }
}

/// A guest's path in the form in which paths are compared: without `.` and empty parts, and with `..` resolved by
/// the text alone.
pub(crate) fn normal(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The rest of a path below a directory (`.` for the directory itself), if it is there. Both are `normal`.
pub(crate) fn below<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    if directory == path {
        return Some(".");
    }
    match directory {
        "." => (!path.starts_with('/') && path != ".." && !path.starts_with("../")).then_some(path),
        "/" => path.strip_prefix('/'),
        _ => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_in_one_form() {
        for (written, expected) in [
            ("data/a.csv", "data/a.csv"),
            ("./data//eu/../a.csv", "data/a.csv"),
            ("../shared/a.csv", "../shared/a.csv"),
            ("a/../../b", "../b"),
            ("/srv/../etc/./x", "/etc/x"),
            ("/../x", "/x"),
            ("./", "."),
            ("", "."),
            ("/", "/"),
        ] {
            assert_eq!(normal(written), expected, "{written}");
        }
    }

    #[test]
    fn a_directory_covers_what_is_below_it() {
        let covers = |dir: &str, path: &str| DirGrant::new(dir, Path::new("/base")).covers(path);
        assert!(covers("data", "data/a.csv") && covers("./data/", "data/eu") && covers("data", "data"));
        assert!(covers(".", "a.csv") && covers("", "data/a.csv") && covers("/", "/srv/a.csv"));
        assert!(covers("../shared", "../shared/a.csv"));
        assert!(!covers("data", "database/a.csv") && !covers("data", "data/../a.csv") && !covers("data", "a.csv"));
        assert!(!covers(".", "/srv/a.csv") && !covers(".", "../a.csv") && !covers("/", "a.csv"));
    }

    #[test]
    fn a_file_is_one_file() {
        let base = Path::new("/base");
        let file = FileGrant::new("./data/a.csv", base).unwrap();
        assert_eq!(file.path, Path::new("/base/./data/a.csv"));
        assert!(file.covers("data/a.csv") && !file.covers("data/b.csv") && !file.covers("data"));
        assert_eq!(FileGrant::new("/srv/a.csv", base).unwrap().path, Path::new("/srv/a.csv"));
        for bad in ["", ".", "..", "data/", "data/..", "data/*.csv", "a\0b"] {
            assert!(FileGrant::new(bad, base).unwrap_err().is_invalid(), "{bad:?}");
        }
    }
}
