//! Entries on their way from a loader to the store: checked one by one, counted, compared with the
//! map before them, and sent on in batches. Knows no loader and no store.

pub(crate) mod check;
pub(crate) mod fingerprints;
pub(crate) mod intake;
pub(crate) mod progress;
