//! What a reader holds at one time.

use std::sync::Arc;

use crate::freshness::Seen;
use crate::snapshot::Snapshot;

/// A snapshot and what was last seen of it. Both are swapped in one step, so that all answers of one read agree.
pub(crate) struct Held<V> {
    pub(crate) snapshot: Arc<Snapshot<V>>,
    pub(crate) seen: Seen,
}
