//! What a load comes to, whichever kind of loader ran: a map, or the word that nothing has changed.

use crate::failure::{Failure, FailureKind};
use crate::intake::{Intake, Totals};

const MARK_BYTES: usize = 4 << 10;

/// What came of a load that succeeded.
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

/// What a load knows of its source from the time before, and leaves for the next.
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
        if mark.len() > MARK_BYTES {
            return Err(contract(format!(
                "the loader sets a mark of {} bytes: expected at most {MARK_BYTES}",
                mark.len()
            )));
        }
        self.set = Some(mark);
        Ok(())
    }

    pub(crate) fn unchanged(&mut self) {
        self.unchanged = true;
    }

    /// What the load comes to, once its loader has given all it has.
    ///
    /// # Errors
    /// `unchanged` does not fit what was given or what is published; or as [`Intake::finish`].
    pub(crate) async fn conclude(self, given: Intake) -> Result<Loaded, Failure> {
        if !self.unchanged {
            return Ok(Loaded { ended: Ended::Map(given.finish().await?), mark: self.set });
        }
        if given.entries() > 0 {
            return Err(contract("the loader says `unchanged` and gives entries: expected one or the other"));
        }
        if self.published.is_none() {
            return Err(contract(
                "the loader says `unchanged`, but nothing is published that it knows: expected entries when there is no published mark",
            ));
        }
        Ok(Loaded { ended: Ended::Unchanged, mark: self.set })
    }
}

fn contract(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Contract, message)
}
