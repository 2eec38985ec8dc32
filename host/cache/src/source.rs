//! What a reader reads.

use std::sync::Arc;

use crate::metrics::Metrics;
use kiwi_store::{Name, Store};

/// A cache in a store that was opened, and where its reader reports to.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Name,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Metrics,
}
