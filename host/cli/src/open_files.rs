//! The limit on open files.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard limit. The soft limit is only 1,024 for programs that use
/// `select`; we do not, and each load in flight may hold files and connections.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("could not raise the limit on open files: {error}");
    }
}
