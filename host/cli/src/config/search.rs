//! Which kiwi.toml is read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "kiwi.toml";

/// The given file; otherwise the kiwi.toml in the current directory, or nearest above it, up to the home directory.
pub(crate) fn path(given: Option<&Path>) -> Option<PathBuf> {
    if let Some(given) = given.filter(|path| !path.as_os_str().is_empty()) {
        return Some(given.to_owned());
    }
    let here = Path::new(FILE_NAME);
    if here.exists() {
        return Some(here.to_owned());
    }
    let directory = std::env::current_dir().ok()?;
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let found = above(&directory, home.as_deref())?;
    if !is_trusted(&found) {
        tracing::warn!(
            "ignoring {}, which belongs to another user: to use it, pass `--config {}`",
            found.display(),
            found.display()
        );
        return None;
    }
    Some(found)
}

/// The nearest kiwi.toml above a directory, up to the home directory, or to the root if that is elsewhere.
fn above(directory: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let mut directory = directory;
    while Some(directory) != home {
        directory = directory.parent()?;
        let file = directory.join(FILE_NAME);
        if file.exists() {
            return Some(file);
        }
    }
    None
}

/// Whether a file belongs to this user or to root: in a directory such as /tmp, anybody may create one, and it names
/// what is run and what that may access.
fn is_trusted(file: &Path) -> bool {
    fs::metadata(file)
        .is_ok_and(|metadata| metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_the_home_directory() {
        let root = tempfile::tempdir().unwrap();
        let (home, work) = (root.path().join("home"), root.path().join("home/work/deep"));
        fs::create_dir_all(&work).unwrap();
        fs::write(root.path().join(FILE_NAME), "").unwrap();
        assert_eq!(above(&work, Some(&home)), None);
        assert_eq!(above(&home, Some(&home)), None);
        assert_eq!(above(&work, Some(Path::new("/elsewhere"))), Some(root.path().join(FILE_NAME)));
        fs::write(home.join(FILE_NAME), "").unwrap();
        assert_eq!(above(&work, Some(&home)), Some(home.join(FILE_NAME)));
        fs::write(home.join("work").join(FILE_NAME), "").unwrap();
        assert_eq!(above(&work, Some(&home)), Some(home.join("work").join(FILE_NAME)));
    }
}
