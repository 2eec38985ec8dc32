//! Where compiled components are kept, so that a plugin is compiled once.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

/// The user's own directory for it, made where it is not there. `None`, and everything is compiled
/// anew, where there is no home or where others may write: what lies there is run.
pub(crate) fn directory() -> Option<PathBuf> {
    let from_env = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = from_env("XDG_CACHE_HOME").or_else(|| Some(from_env("HOME")?.join(".cache")))?;
    let dir = caches.join("kiwi-host").join("compiled");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).ok()?;
    let mode = std::fs::metadata(&dir).ok()?.mode();
    (mode & 0o022 == 0).then_some(dir)
}
