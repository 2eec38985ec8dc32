//! A copy, and what a reader wants of copies.

use std::fs::File;
use std::path::PathBuf;

use kiwi_store::{Batch, Head};

use crate::texts::Texts;

/// How a copy on disk is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyMode {
    /// Mapped into memory: all processes share what they read.
    Mapped,
    /// Into memory of the process.
    Read,
}

/// Which copies a reader uses.
#[derive(Clone, Debug)]
pub(crate) struct CopySettings {
    pub(crate) dir: PathBuf,
    pub(crate) mode: CopyMode,
}

/// A copy that was read: what it is of, and its entries.
pub(crate) struct Copied {
    pub(crate) head: Head,
    pub(crate) texts: Texts,
}

/// Whoever has it writes the copy. It ends with the process.
pub(crate) struct WriteLock(pub(super) File);

impl Drop for WriteLock {
    /// Not only by closing the file: a process that was forked meanwhile has it open too, and would keep the lock.
    fn drop(&mut self) {
        // Where that fails, it ends with the processes that have it.
        let _ = self.0.unlock();
    }
}

/// A copy that is to be written of what was loaded.
pub(crate) struct ToWrite {
    pub(crate) lock: WriteLock,
    pub(crate) head: Head,
    /// The text of what is not held as text.
    pub(crate) text: Vec<Batch>,
}
