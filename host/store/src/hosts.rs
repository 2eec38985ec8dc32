//! The hosts that keep a cache warm, or cannot: what each of them reports, for `status` on any machine.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::Id;

/// How often a host reports, at least.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(15);

/// A host that has not reported for this long is dead: it may have missed two reports.
const ALIVE_FOR: Duration = Duration::from_secs(50);

/// How long the report of a dead host is kept, so that people can see who ran a cache last.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The most hosts that are kept for one cache. The one that has been silent longest gives way.
pub(crate) const MAX_HOSTS: usize = 64;

/// What a host says of one cache that it is configured to keep warm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// Names the running host. A host that is restarted gets another one.
    #[serde(skip, default = "Id::random")]
    pub id: Id,
    /// The host, for people: the machine, and the number of the process.
    pub host: String,
    /// What keeps it from loading the cache, where that is not recorded with a failed load.
    pub trouble: Option<Trouble>,
}

/// What keeps a host from loading a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// In one word, such as `plugin` or `store`.
    pub kind: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// How often it has happened in a row.
    pub times: u32,
    /// How long that had been so when the host reported it.
    #[serde(rename = "lasted_ms", with = "millis")]
    pub lasted: Duration,
}

/// A host of a cache, as the store knows it. Times are by the store's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostState {
    /// What it reported last.
    pub report: HostReport,
    /// When it reported for the first time.
    pub since: SystemTime,
    /// When it reported last.
    pub seen: SystemTime,
    /// Whether it still reports.
    pub is_alive: bool,
}

impl HostState {
    pub(crate) fn new(report: HostReport, since: SystemTime, seen: SystemTime, now: SystemTime) -> Self {
        let is_alive = now.duration_since(seen).unwrap_or_default() <= ALIVE_FOR;
        Self { report, since, seen, is_alive }
    }
}

/// Whether a report of this age is still kept.
pub(crate) fn is_kept(seen: SystemTime, now: SystemTime) -> bool {
    now.duration_since(seen).unwrap_or_default() <= KEPT_FOR
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
