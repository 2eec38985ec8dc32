//! What a loader in Rust writes to. A component's counterpart is `sandbox/v0_1/emit.rs`; both lead to one
//! [`Intake`].

use std::sync::{Arc, OnceLock};

use kiwi_store::Batch;
use serde::Serialize;

use crate::entries::intake::Intake;
use crate::failure::{Failure, FailureKind};
use crate::loader::load_error::LoadError;
use crate::loader::mark::{Loaded, Marks};
use crate::printable;

/// Where a [`Loader`](crate::Loader) puts the entries of its map.
///
/// Entries are checked one by one and sent on in batches while the loader runs: `emit` waits where the
/// store is slower, and neither side needs memory for the whole map. The first entry that is refused
/// fails the load, whatever the loader makes of the error it gets. What it adds to that error with
/// [`LoadError::context`] is kept.
pub struct Output {
    intake: Intake,
    marks: Marks,
    refusal: Refusal,
}

/// The first refusal, if there is one: the load fails with it, whatever the loader does. Kept where a
/// loader that hangs or panics leaves it.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<OnceLock<Failure>>);

impl Refusal {
    pub(crate) fn get(&self) -> Option<&Failure> {
        self.0.get()
    }
}

impl Output {
    pub(crate) fn new(intake: Intake, published_mark: Option<String>, refusal: Refusal) -> Self {
        Self { intake, marks: Marks::new(published_mark), refusal }
    }

    /// Adds an entry, its value written as JSON by serde. Mind that serde_json writes a float that is no
    /// number, or not finite, as `null`.
    ///
    /// # Errors
    /// The value cannot be written as JSON; or as [`emit_json`](Self::emit_json).
    pub async fn emit(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), LoadError> {
        match serde_json::to_string(value) {
            Ok(json) => self.emit_json(key, &json).await,
            Err(error) => {
                let message = format!("the value of key {} cannot be written as JSON: {error}", printable::quoted(key));
                Err(self.refuse(Failure::new(FailureKind::InvalidEntry, message)))
            }
        }
    }

    /// Adds an entry whose value is JSON text already. It is kept as it stands: the digits of a decimal
    /// or of a big number are not touched.
    ///
    /// # Errors
    /// The key is empty, too long, or came before; the value is not JSON, too big or nested too deep; the
    /// map is beyond `limits.entries` or `limits.total_bytes`; the load has failed before. The load fails
    /// with the first of these: going on is pointless.
    pub async fn emit_json(&mut self, key: &str, json: &str) -> Result<(), LoadError> {
        if let Some(refusal) = self.refusal.get() {
            return Err(LoadError::from_refusal(refusal));
        }
        let taken = self.intake.take(key, json).await;
        taken.map_err(|failure| self.refuse(failure))
    }

    /// Adds many entries whose values are JSON text already, and returns when all of them were checked: faster than
    /// [`emit_json`](Self::emit_json) for each. Some hundreds at a time are best.
    ///
    /// # Errors
    /// As [`emit_json`](Self::emit_json). [`LoadError::entry`] says which entry it is.
    pub async fn emit_batch(&mut self, entries: &Batch) -> Result<(), LoadError> {
        if let Some(refusal) = self.refusal.get() {
            return Err(LoadError::from_refusal(refusal));
        }
        let taken = self.intake.take_all(entries).await;
        taken.map_err(|failure| self.refuse(failure))
    }

    /// The mark (an ETag, a modification time, a change number) that was left with what is published
    /// now, on whichever host. `None` where nothing is published, or where another loader or another
    /// [version](crate::Loader::version) of this one published it: then load everything.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.marks.published()
    }

    /// Leaves a mark, to be committed in the same step as this load's map. The last one wins; a load
    /// that succeeds without one clears it. One above 4 KiB fails the load.
    pub fn set_mark(&mut self, mark: impl Into<String>) {
        if let Err(failure) = self.marks.set(mark.into()) {
            self.refuse(failure);
        }
    }

    /// Says that the source still stands at the published mark. Then emit nothing and return `Ok`: what
    /// is published stays, its life is extended, and the mark stays unless `set_mark` was called. The
    /// load fails if [`mark`](Self::mark) is none, or if entries were emitted.
    pub fn unchanged(&mut self) {
        self.marks.unchanged();
    }

    /// Where its entries go.
    #[cfg(feature = "components")]
    pub(crate) fn intake(&mut self) -> &mut Intake {
        &mut self.intake
    }

    /// The result of the load.
    pub(crate) async fn conclude(self) -> Result<Loaded, Failure> {
        self.marks.conclude(self.intake).await
    }

    fn refuse(&self, failure: Failure) -> LoadError {
        LoadError::from_refusal(self.refusal.0.get_or_init(|| failure))
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("entries", &self.intake.entries()).finish_non_exhaustive()
    }
}
