//! The text of the snapshot that a reader holds, for whoever may have to put it back.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use kiwi_store::{Batch, Head};

/// A snapshot as it stands in the store: what it says of itself, and its entries as JSON text.
#[derive(Clone, Debug)]
pub struct SnapshotText {
    /// What it says of itself, when it was last seen there.
    pub head: Head,
    /// All its entries.
    pub entries: Arc<Vec<Batch>>,
}

/// Where a reader keeps the text of its snapshot beside its values ([`Builder::keep_text`](super::Builder::keep_text)),
/// so that a host in the same program can put it back when the store has lost it and the source is
/// away. It takes as much memory again as the text has bytes.
#[derive(Default)]
pub struct KeptText(ArcSwapOption<SnapshotText>);

impl KeptText {
    /// What the reader holds, if it holds anything.
    #[must_use]
    pub fn get(&self) -> Option<Arc<SnapshotText>> {
        self.0.load_full()
    }

    pub(super) fn keep(&self, head: &Head, entries: Vec<Batch>) {
        self.0.store(Some(Arc::new(SnapshotText { head: head.clone(), entries: Arc::new(entries) })));
    }

    /// What is kept was seen in the store once more.
    pub(super) fn see(&self, head: &Head) {
        if let Some(kept) = self.get().filter(|kept| kept.head.id == head.id) {
            self.0.store(Some(Arc::new(SnapshotText { head: head.clone(), entries: Arc::clone(&kept.entries) })));
        }
    }
}

impl fmt::Debug for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptText").field("head", &self.get().map(|kept| kept.head.clone())).finish()
    }
}
