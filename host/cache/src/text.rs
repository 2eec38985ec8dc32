//! The text of the snapshot that a reader holds, for a host that may have to publish it again.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use kiwi_store::{Batch, Head};

/// A snapshot as it is in the store: its head, and its entries as JSON text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotText {
    /// The head of the snapshot, as it was last seen in the store.
    pub head: Head,
    /// All its entries.
    pub entries: Arc<Vec<Batch>>,
}

/// Where a reader keeps the text of its snapshot beside the values: see
/// [`Builder::keep_text`](crate::Builder::keep_text).
///
/// A host in the same program publishes it again when the store has lost the snapshot and the source is not
/// available. The text takes as much memory as it has bytes.
///
/// ```no_run
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::{Cache, KeptText};
/// use std::sync::Arc;
///
/// let text = Arc::new(KeptText::default());
/// let builder = Cache::builder("airlines").store("redis://127.0.0.1:6379");
/// let airlines: Cache<String> = builder.keep_text(Arc::clone(&text)).connect().await?;
/// let snapshot = text.get().expect("the reader holds a snapshot");
/// println!("{} entries of snapshot {}", snapshot.head.entries, snapshot.head.seq);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct KeptText(ArcSwapOption<SnapshotText>);

impl KeptText {
    /// The text of the snapshot that the reader holds, if it holds one.
    #[must_use]
    pub fn get(&self) -> Option<Arc<SnapshotText>> {
        self.0.load_full()
    }

    pub(crate) fn keep(&self, head: &Head, entries: Vec<Batch>) {
        self.0.store(Some(Arc::new(SnapshotText { head: head.clone(), entries: Arc::new(entries) })));
    }

    /// Updates the head of what is kept, if it is the head of the same snapshot.
    pub(crate) fn update_head(&self, head: &Head) {
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
