//! Why no component can run here at all.

use std::fmt;

/// Why no component can run: because of this machine or of this program, and not of any plugin.
#[derive(Debug)]
pub struct SandboxError(String);

impl SandboxError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SandboxError {}
