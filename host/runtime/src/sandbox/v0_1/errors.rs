//! Failures of the host, and the contract's errors.

use super::bindings::kiwi::loader::entries;
use crate::failure::{Failure, FailureKind};
use crate::outside::load_secrets::LoadSecrets;
use crate::printable;

/// A failure as a guest sees it.
pub(super) fn load_error(failure: Failure) -> entries::LoadError {
    let message = failure.message;
    match failure.kind {
        FailureKind::Unavailable => entries::LoadError::Unavailable(message),
        FailureKind::InvalidSettings => entries::LoadError::InvalidSettings(message),
        FailureKind::Denied => entries::LoadError::Denied(message),
        _ => entries::LoadError::Other(message),
    }
}

/// A guest's error as a failure. Secrets are removed before it is cut: nobody would find half of one.
pub(super) fn failure(error: entries::LoadError, secrets: &LoadSecrets) -> Failure {
    let (kind, message) = match error {
        entries::LoadError::Unavailable(message) => (FailureKind::Unavailable, message),
        entries::LoadError::InvalidSettings(message) => (FailureKind::InvalidSettings, message),
        entries::LoadError::Denied(message) => (FailureKind::Denied, message),
        entries::LoadError::Other(message) => (FailureKind::Other, message),
    };
    Failure::new(kind, printable::message(&secrets.scrub(&message)))
}
