//! The failures in a row of each definition of a cache, as a record of its environment.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::record::{Millis, Record, text};
use crate::{DefinitionId, Failing, LastError, Ttl};

/// The most definitions that are remembered.
const MAX_DEFINITIONS: usize = 16;
/// A definition that nobody uses any more is forgotten after this time.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How a load failed.
pub(super) struct FailedLoad {
    pub(super) backoff: Duration,
    pub(super) error: LastError,
    pub(super) host: String,
    pub(super) keep: Ttl,
}

/// The failures of all definitions, the latest first.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Failures(Vec<OfDefinition>);

impl Record for Failures {
    const KEY: &'static str = "failures";
}

/// The failures in a row of one definition.
#[derive(Serialize, Deserialize)]
struct OfDefinition {
    #[serde(with = "text")]
    definition: DefinitionId,
    times: u32,
    since: Millis,
    at: Millis,
    retry_at: Millis,
    host: String,
    kind: String,
    message: String,
    /// Until when it is kept if nothing is published. `None`: forever.
    until: Option<Millis>,
}

impl Failures {
    /// How many loads of a definition have failed in a row.
    pub(super) fn times(&self, definition: DefinitionId) -> u32 {
        self.of(definition).map_or(0, |failing| failing.times)
    }

    /// Before when no host of a definition asks the source.
    pub(super) fn retry_at(&self, definition: DefinitionId) -> Option<Millis> {
        self.of(definition).map(|failing| failing.retry_at)
    }

    /// Counts one more.
    pub(super) fn add(&mut self, definition: DefinitionId, failing: &FailedLoad, now: Millis) {
        let (times, since) = self.of(definition).map_or((0, now), |before| (before.times, before.since));
        self.0.retain(|failing| failing.definition != definition);
        self.0.retain(|failing| failing.at.plus(FORGOTTEN_AFTER).max(failing.retry_at) >= now);
        self.0.insert(
            0,
            OfDefinition {
                definition,
                times: times.saturating_add(1),
                since,
                at: now,
                retry_at: now.plus(failing.backoff),
                host: failing.host.clone(),
                kind: failing.error.kind.clone(),
                message: failing.error.message.clone(),
                until: now.plus_ttl(failing.keep),
            },
        );
        self.0.truncate(MAX_DEFINITIONS);
    }

    /// Forgets those of a definition, and of whatever its host has run before: a host runs one definition of a cache.
    /// `false`: there are none.
    pub(super) fn forget(&mut self, definition: DefinitionId, host: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|failing| failing.definition != definition && failing.host != host);
        self.0.len() < before
    }

    /// As a status shows them: those of a cache without data only for a while.
    pub(super) fn into_failing(self, is_published: bool, now: Millis) -> Vec<Failing> {
        let is_kept = |failing: &OfDefinition| is_published || failing.until.is_none_or(|until| until > now);
        let mut failing: Vec<Failing> = self.0.into_iter().filter(is_kept).map(OfDefinition::into_failing).collect();
        failing.sort_by_key(|failing| Reverse(failing.last.at));
        failing
    }

    fn of(&self, definition: DefinitionId) -> Option<&OfDefinition> {
        self.0.iter().find(|failing| failing.definition == definition)
    }
}

impl OfDefinition {
    fn into_failing(self) -> Failing {
        Failing {
            definition: self.definition,
            times: self.times,
            since: self.since.into(),
            last: LastError::new(SystemTime::from(self.at), self.kind, self.message),
            host: self.host,
            retry_at: self.retry_at.into(),
        }
    }
}
