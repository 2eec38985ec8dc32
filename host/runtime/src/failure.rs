//! Why a refill failed, as a value: nothing here ends the host.

use std::fmt;
use std::time::Duration;

/// Why a refill failed. What was published before stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// For people: what happened, what was expected, what to do. Without secrets.
    pub message: String,
    /// More for the plugin's author, in several lines: a backtrace, the tail of its standard error.
    pub detail: Option<String>,
    /// How long the source asks to be left alone (HTTP's Retry-After).
    pub retry_after: Option<Duration>,
    /// Which entry was refused, if one was: its number in the order in which the loader gave them, from 1.
    pub entry: Option<u64>,
}

/// What kind of failure. The first four are the loader's own word (`load-error` in loader.wit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The source cannot be reached, or is not ready.
    Unavailable,
    /// The plugin does not take its settings.
    InvalidSettings,
    /// A grant is missing.
    Denied,
    /// The loader says it failed.
    Other,
    /// The loader panicked; or the plugin did what WebAssembly forbids.
    Trap,
    /// A limit was hit.
    Limit,
    /// An entry cannot be published.
    InvalidEntry,
    /// The loader broke the contract in another way.
    Contract,
    /// The map is empty, and that is not allowed.
    Empty,
    /// A guard (`min_entries`, `max_shrink`) refuses the map.
    Guard,
    /// The store cannot be reached.
    StoreUnavailable,
    /// The store refused, is full, or lost what was staged.
    Store,
    /// The host itself failed: a bug of ours.
    Internal,
}

impl FailureKind {
    /// One word, as it stands in the store, in logs and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::InvalidSettings => "invalid-settings",
            Self::Denied => "denied",
            Self::Other => "other",
            Self::Trap => "trap",
            Self::Limit => "limit",
            Self::InvalidEntry => "invalid-entry",
            Self::Contract => "contract",
            Self::Empty => "empty",
            Self::Guard => "guard",
            Self::StoreUnavailable => "store-unavailable",
            Self::Store => "store",
            Self::Internal => "internal",
        }
    }

    /// Whether the store is to blame, and not the load.
    pub(crate) fn is_of_the_store(self) -> bool {
        matches!(self, Self::Store | Self::StoreUnavailable)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, retry_after: None, entry: None }
    }

    /// The same, about the entry of this number.
    pub(crate) fn at_entry(self, number: u64) -> Self {
        Self { entry: Some(number), ..self }
    }

    /// Whether it says what the other one says, and perhaps something before it.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        self.kind == other.kind && self.message.ends_with(&other.message)
    }

    pub(crate) fn store(error: &kiwi_store::Error) -> Self {
        let kind = if error.is_unavailable() { FailureKind::StoreUnavailable } else { FailureKind::Store };
        Self::new(kind, chain(error))
    }

    pub(crate) fn limit(name: &str, message: impl fmt::Display) -> Self {
        Self::new(
            FailureKind::Limit,
            format!("{message}; raise `limits.{name}` of this cache if its loader is right to need more"),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}

/// An error and its causes in one line, none said twice.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
