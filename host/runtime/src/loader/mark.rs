//! What a load returns, whichever kind of loader ran: a map, or that nothing has changed; and the mark that it
//! leaves for the next one.

use crate::entries::intake::{Intake, Totals};
use crate::failure::{Failure, FailureKind};

const MAX_MARK_BYTES: usize = 4 << 10;

/// The result of a load that succeeded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) ended: Ended,
    /// The mark the loader set, if it did.
    pub(crate) mark: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All entries were sent on.
    Map(Totals),
    /// The source still stands at the published mark.
    Unchanged,
}

/// The mark that the load before left, and the one that this load leaves.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    published: Option<String>,
    set: Option<String>,
    unchanged: bool,
}

impl Marks {
    /// Nothing is set yet; `published` is what this very loader left with what is published now.
    pub(crate) fn new(published: Option<String>) -> Self {
        Self { published, ..Self::default() }
    }

    pub(crate) fn published(&self) -> Option<&str> {
        self.published.as_deref()
    }

    /// The last mark wins.
    ///
    /// # Errors
    /// It is too long to stand in a head that every reader gets.
    pub(crate) fn set(&mut self, mark: String) -> Result<(), Failure> {
        if mark.len() > MAX_MARK_BYTES {
            return Err(contract(format!(
                "the loader sets a mark of {} bytes: expected at most {MAX_MARK_BYTES}",
                mark.len()
            )));
        }
        self.set = Some(mark);
        Ok(())
    }

    pub(crate) fn unchanged(&mut self) {
        self.unchanged = true;
    }

    /// The result of the load, once its loader has returned.
    ///
    /// # Errors
    /// `unchanged` does not fit what was given or what is published; or as [`Intake::finish`].
    pub(crate) async fn conclude(self, given: Intake) -> Result<Loaded, Failure> {
        if !self.unchanged {
            return Ok(Loaded { ended: Ended::Map(given.finish().await?), mark: self.set });
        }
        if given.entries() > 0 {
            return Err(contract("the loader says `unchanged` and emits entries: expected one or the other"));
        }
        if self.published.is_none() {
            return Err(contract("the loader says `unchanged`, but there is no published mark: expected entries"));
        }
        Ok(Loaded { ended: Ended::Unchanged, mark: self.set })
    }
}

fn contract(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Contract, message)
}
