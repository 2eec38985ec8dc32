//! The settings of a reader that holds a copy, and their defaults.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kiwi_store::{Error, Result};

use crate::attempts::Attempts;
use crate::copies::CopySettings;
use crate::held::Held;
use crate::refill::Refill;
use crate::snapshot::MissingHook;
use crate::stored::Stored;
use crate::text::KeptText;

const DEFAULT_RELOAD_TTL: Duration = Duration::from_secs(60);
const DEFAULT_REFILL_TIMEOUT: Duration = Duration::from_secs(30);

/// How the copy is kept up to date.
pub(crate) struct ReloadSettings<V: Stored + ?Sized> {
    pub(crate) reload_ttl: Duration,
    pub(crate) wait_for: Duration,
    pub(crate) without_snapshot: WithoutSnapshot,
    pub(crate) updates: Updates,
    pub(crate) missing: Option<MissingHook<V>>,
    pub(crate) kept_text: Option<Arc<KeptText>>,
    pub(crate) copies: Option<CopySettings>,
    /// Whether the reader begins without asking the store, with what is held at first, if anything is.
    pub(crate) takes_over: bool,
    /// What is held at first.
    pub(crate) held: Option<Arc<Held<V>>>,
}

/// What `connect` does when there is no snapshot and the time to wait for one is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutSnapshot {
    Fail,
    Start,
}

/// How a reader learns of a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updates {
    /// By hints of the store, and by polling.
    Pushed,
    /// By polling only.
    Polled,
}

/// How `get_or_refill` loads the source.
pub(crate) struct RefillSettings {
    pub(crate) max_attempts: Attempts,
    pub(crate) timeout: Duration,
    /// The host in this program. Without one, whichever host runs the cache is asked through the store.
    pub(crate) host: Option<Arc<dyn Refill>>,
}

impl<V: Stored + ?Sized> ReloadSettings<V> {
    pub(crate) fn check(&self) -> Result<()> {
        if self.reload_ttl.is_zero() {
            return Err(Error::invalid("reload_ttl is 0: expected how old a copy may get, such as 60 s"));
        }
        Ok(())
    }
}

impl RefillSettings {
    pub(crate) fn check(&self) -> Result<()> {
        if self.timeout.is_zero() {
            let message = "refill_timeout is 0: expected how long to wait for a host that was asked, such as 30 s";
            return Err(Error::invalid(message));
        }
        Ok(())
    }
}

impl<V: Stored + ?Sized> Default for ReloadSettings<V> {
    fn default() -> Self {
        Self {
            reload_ttl: DEFAULT_RELOAD_TTL,
            wait_for: Duration::ZERO,
            without_snapshot: WithoutSnapshot::Fail,
            updates: Updates::Pushed,
            missing: None,
            kept_text: None,
            copies: None,
            takes_over: false,
            held: None,
        }
    }
}

impl Default for RefillSettings {
    fn default() -> Self {
        Self { max_attempts: Attempts::default(), timeout: DEFAULT_REFILL_TIMEOUT, host: None }
    }
}

impl<V: Stored + ?Sized> fmt::Debug for ReloadSettings<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadSettings")
            .field("reload_ttl", &self.reload_ttl)
            .field("wait_for", &self.wait_for)
            .field("without_snapshot", &self.without_snapshot)
            .field("updates", &self.updates)
            .field("kept_text", &self.kept_text)
            .field("copies", &self.copies)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RefillSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefillSettings")
            .field("max_attempts", &self.max_attempts)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
