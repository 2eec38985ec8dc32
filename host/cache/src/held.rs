//! What a reader holds at one time.

use std::sync::Arc;

use crate::freshness::Seen;
use crate::snapshot::Snapshot;
use crate::stored::Stored;

/// A snapshot and what was last seen of it. Both are swapped in one step, so that all answers of one read agree.
pub(crate) struct Held<V: Stored + ?Sized> {
    pub(crate) snapshot: Arc<Snapshot<V>>,
    pub(crate) seen: Seen,
}
