//! What a lease has staged so far, as far as it is not in the store yet.

use std::borrow::Cow;
use std::fmt;

use crate::packer::Packer;
use crate::record_text::RecordText;
use crate::{Batch, Id};

/// A map of so many bytes at most is small: it is one chunk in meta, and takes one script to publish.
pub(crate) const MAX_SMALL_BYTES: usize = 64 << 10;

/// The entries that a lease has staged.
#[derive(Clone)]
pub(crate) struct Staged {
    /// Whether the store had a snapshot when the lease was taken. Without one the hash is written after the commit, so
    /// that readers get their first map in half of the time.
    pub(crate) had_snapshot: bool,
    /// The staged part of a record. It is sent when it is whole.
    pub(crate) record: RecordText,
    /// The entries so far, while the map is small.
    pub(crate) small: Option<Batch>,
    pub(crate) packer: Packer,
    /// Whether all of it is in the store, and only the commit is left. It is not sent twice: by then it may be published.
    pub(crate) is_sealed: bool,
}

/// Its length: the entries may be secret, and many.
impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let small = self.small.as_ref().map_or(0, Batch::len);
        write!(f, "Staged({} entries)", small as u64 + self.packer.entries())
    }
}

impl Staged {
    pub(crate) fn new(had_snapshot: bool) -> Self {
        Self {
            had_snapshot,
            record: RecordText::default(),
            small: Some(Batch::default()),
            packer: Packer::new(),
            is_sealed: false,
        }
    }

    /// The version that it writes.
    pub(crate) fn version(&self) -> Id {
        self.packer.version
    }

    /// Adds entries. Gives what is to be written to the store now: nothing while the map is small, and then also what was
    /// held back.
    pub(crate) fn add<'b>(&mut self, batch: &'b Batch) -> Option<Cow<'b, Batch>> {
        self.is_sealed = false;
        let Some(small) = &mut self.small else { return Some(Cow::Borrowed(batch)) };
        small.extend(batch);
        if small.bytes() <= MAX_SMALL_BYTES { None } else { self.small.take().map(Cow::Owned) }
    }
}
