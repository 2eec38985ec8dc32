//! The directory for compiled components, so that each plugin is compiled only once.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

/// A directory that only this user can write to, created if needed. `None` if there is no home
/// directory, or if others can write to it: then every plugin is compiled again. The files in it are
/// native code, so whoever can write to it can run code as this user.
pub(crate) fn directory() -> Option<PathBuf> {
    let from_env = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = from_env("XDG_CACHE_HOME").or_else(|| Some(from_env("HOME")?.join(".cache")))?;
    let dir = caches.join("kiwi-host").join("compiled");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).ok()?;
    let mode = std::fs::metadata(&dir).ok()?.mode();
    (mode & 0o022 == 0).then_some(dir)
}
