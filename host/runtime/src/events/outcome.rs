//! How one attempt to refill a cache ended.

use std::time::Duration;

use kiwi_store::Id;

use crate::failure::Failure;

/// How one attempt to refill a cache ended. Never ends the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A new snapshot is published.
    Published {
        /// Its id.
        id: Id,
        /// How many entries it has.
        entries: u64,
        /// The bytes of all keys and values.
        bytes: u64,
        /// From the start of the load to the commit.
        took: Duration,
    },
    /// The source was asked, and what is published still stands: no data was written.
    Unchanged {
        /// The id of what is published.
        id: Id,
        /// How many entries it has.
        entries: u64,
        /// From the start of the load to the commit.
        took: Duration,
    },
    /// Another host has checked it just now.
    Fresh {
        /// Until it is due again.
        left: Duration,
    },
    /// Another host is loading it.
    Busy {
        /// Until that host's lease ends unless it is renewed.
        left: Duration,
    },
    /// A load failed a short while ago, here or on another host: the source is left alone.
    Backoff {
        /// Until it may be loaded again.
        left: Duration,
    },
    /// It failed; what was published before stays.
    Failed(Failure),
    /// The host was told to stop before the load had ended: nothing was published.
    Abandoned,
}

impl Outcome {
    /// Whether it failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}
