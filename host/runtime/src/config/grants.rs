//! What an operator lets one cache's plugin touch. Everything else is denied.

use super::auth::Auth;
use super::connection::Connection;
use super::file_grants::{DirGrant, FileGrant};
use super::http_grant::HttpGrant;
use super::secret_grant::SecretGrant;

/// What one cache's plugin may touch: nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where it may send HTTP requests.
    pub http: Vec<HttpGrant>,
    /// Directories it may read.
    pub dirs: Vec<DirGrant>,
    /// Single files it may read.
    pub files: Vec<FileGrant>,
    /// Environment variables of the host it may see, by name.
    pub env: Vec<String>,
    /// Databases it may read.
    pub connections: Vec<Connection>,
    /// Secrets it may send without seeing them.
    pub secrets: Vec<SecretGrant>,
    /// As whom the host authenticates on its behalf.
    pub auth: Vec<Auth>,
}

impl Grants {
    /// Whether a plugin may read the file at this path, as it would write it.
    pub(crate) fn covers_file(&self, guest_path: &str) -> bool {
        self.files.iter().any(|file| file.covers(guest_path)) || self.covers_dir(guest_path)
    }

    /// Whether a plugin may read all below this path, as it would write it.
    pub(crate) fn covers_dir(&self, guest_path: &str) -> bool {
        self.dirs.iter().any(|dir| dir.covers(guest_path))
    }
}
