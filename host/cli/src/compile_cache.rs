//! How plugins are compiled: in a process of their own, into a directory where they are found at the next start.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kiwi_host::Compilation;
use tempfile::TempDir;

/// The hidden subcommand that compiles one plugin.
pub(crate) const COMMAND: &str = "compile-plugin";

/// Where plugins are compiled to in this process alone, if they cannot be kept.
static TEMPORARY: Mutex<Option<TempDir>> = Mutex::new(None);

/// How plugins are compiled: by this very program in a process of its own, into the user's cache, or where that cannot
/// be trusted into a temporary directory.
pub(crate) fn compilation() -> Compilation {
    let directory = kept().or_else(temporary);
    let compilation = directory.map_or_else(Compilation::default, |directory| Compilation::default().cache(directory));
    match this_program() {
        Ok(program) => compilation.compiler(program, [COMMAND]),
        Err(error) => {
            tracing::warn!("compiling plugins in this process, where nothing limits what that takes: {error}");
            compilation
        }
    }
}

/// Removes the temporary directory, if there is one.
pub(crate) fn clean_up() {
    drop(TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// This program as it was started, even if its file was replaced in the meantime.
fn this_program() -> io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() }
}

fn temporary() -> Option<PathBuf> {
    let mut temporary = TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner);
    if temporary.is_none() {
        // Only this user may enter it.
        *temporary = tempfile::Builder::new().prefix("kiwi-host-").tempdir().ok();
    }
    temporary.as_ref().map(|directory| directory.path().to_owned())
}

/// The directory in the user's cache, created if needed, or `None` if there is no home directory, or if somebody else
/// could put files there: they are native code, which this process would run.
fn kept() -> Option<PathBuf> {
    let from_env = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = from_env("XDG_CACHE_HOME").or_else(|| Some(from_env("HOME")?.join(".cache")))?;
    let directory = caches.join("kiwi-host").join("compiled");
    let refused = |reason: String| {
        let directory = directory.display();
        tracing::warn!("compiling plugins at each start, because the cache {directory} cannot be used: {reason}");
    };
    // Before anything is created there, and again when all of it is there.
    check(&directory, &caches).map_err(&refused).ok()?;
    let created = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    created.map_err(|error| refused(error.to_string())).ok()?;
    check(&directory, &caches).map_err(&refused).ok()?;
    Some(directory)
}

/// Whether nobody but this user (and root) can write to a directory, or put another in the place of it or of one that
/// leads to it. What does not exist yet is skipped.
///
/// # Errors
/// Names the first directory that somebody else controls.
fn check(directory: &Path, caches: &Path) -> Result<(), String> {
    let user = rustix::process::geteuid().as_raw();
    let resolved = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (directories, roots) = ([directory.to_owned(), resolved(directory)], [caches.to_owned(), resolved(caches)]);
    for path in directories.iter().flat_map(|directory| directory.ancestors()) {
        let is_ours = roots.iter().any(|caches| path.starts_with(caches));
        for found in [fs::symlink_metadata(path), fs::metadata(path)].into_iter().flatten() {
            trusted(&found, user, is_ours).map_err(|reason| format!("{} {reason}", path.display()))?;
        }
    }
    Ok(())
}

fn trusted(found: &Metadata, user: u32, is_ours: bool) -> Result<(), &'static str> {
    // In a directory with the sticky bit, only the owner of an entry may replace it.
    let (owner, mode) = (found.uid(), found.mode());
    // A group of the same number is the user's own, by the custom that gives each user one.
    let others = if found.gid() == user { 0o002 } else { 0o022 };
    let may_be_shared = !is_ours && mode & 0o1000 != 0;
    if owner != user && (is_ours || owner != 0) {
        Err("belongs to another user")
    } else if !found.is_symlink() && mode & others != 0 && !may_be_shared {
        Err("can be written by others")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn checked(caches: &Path) -> Result<(), String> {
        check(&caches.join("kiwi-host/compiled"), caches)
    }

    #[test]
    fn a_cache_that_others_control_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let caches = home.path().join(".cache");
        let set_mode = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        DirBuilder::new().recursive(true).mode(0o700).create(caches.join("kiwi-host/compiled")).unwrap();
        assert_eq!(checked(&caches), Ok(()));
        for below in ["", "kiwi-host", "kiwi-host/compiled"] {
            for mode in [0o702, 0o777, 0o1777] {
                set_mode(&caches.join(below), mode);
                let error = checked(&caches).unwrap_err();
                assert!(error.ends_with("can be written by others"), "{below} {mode:o}: {error}");
            }
            set_mode(&caches.join(below), 0o755);
        }
        set_mode(home.path(), 0o777);
        assert!(checked(&caches).is_err(), "somebody may replace .cache");
        set_mode(home.path(), 0o700);
        assert_eq!(checked(&caches), Ok(()));
    }

    /// Only root can give files away: what it could not test elsewhere is tested in CI's container.
    #[test]
    fn a_cache_of_another_user_is_not_used() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let caches = home.path().join(".cache");
        DirBuilder::new().recursive(true).mode(0o700).create(caches.join("kiwi-host/compiled")).unwrap();
        for below in ["", "kiwi-host", "kiwi-host/compiled"] {
            chown(caches.join(below), Some(1000), None).unwrap();
            assert!(checked(&caches).unwrap_err().ends_with("belongs to another user"), "{below}");
            chown(caches.join(below), Some(0), None).unwrap();
        }
        chown(&caches, None, Some(1000)).unwrap();
        fs::set_permissions(&caches, PermissionsExt::from_mode(0o770)).unwrap();
        assert!(checked(&caches).unwrap_err().ends_with("can be written by others"), "a group of somebody else");
        fs::set_permissions(&caches, PermissionsExt::from_mode(0o700)).unwrap();
        chown(home.path(), Some(1000), None).unwrap();
        assert!(checked(&caches).is_err(), "root with the home of somebody else");
        chown(home.path(), Some(0), None).unwrap();
        let link = home.path().join("link");
        symlink(&caches, &link).unwrap();
        assert_eq!(checked(&link), Ok(()));
        std::os::unix::fs::lchown(&link, Some(1000), None).unwrap();
        assert!(checked(&link).is_err(), "a link of somebody else");
    }
}
