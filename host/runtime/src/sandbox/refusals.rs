//! What a guest was refused.

use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::Failure;

/// The first refusal of a load, which is the load's failure, whatever the guest returns. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<Option<Failure>>>);

impl Refusals {
    /// Keeps a refusal if it is the first, and gives this one back for the guest.
    pub(super) fn keep(&self, failure: Failure) -> Failure {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| failure.clone());
        failure
    }

    /// The first refusal, if there was one.
    pub(super) fn first(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A guest's first attempt to use a socket.
#[derive(Debug)]
pub(super) enum SocketAttempt {
    /// It looked up a name.
    LookUp(String),
    /// It asked for a socket, before it said for which address.
    Create,
}
