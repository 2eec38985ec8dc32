//! What `status` shows of one cache.

use std::time::{Duration, SystemTime};

use kiwi_store::{Head, LeaseState, Name, Presence, Status, Ttl};
use serde::Serialize;

/// Whether the data is there and up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Fresh,
    Stale,
    Missing,
    Lost,
    /// A record that Python's kiwi-cache wrote.
    Foreign,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Lost => "lost",
            Self::Foreign => "foreign",
        }
    }
}

/// What the hosts are doing with the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Activity {
    Idle,
    Loading,
    Backoff,
}

/// One cache. Durations are in seconds; times are the store's, in seconds since 1970.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) cache: String,
    pub(super) state: State,
    pub(super) activity: Activity,
    pub(super) id: Option<String>,
    pub(super) seq: Option<u64>,
    pub(super) entries: Option<u64>,
    pub(super) bytes: Option<u64>,
    /// The time since a refill last compared the map with its source.
    pub(super) age: Option<f64>,
    loaded_at: Option<f64>,
    checked_at: Option<f64>,
    refill_interval: Option<f64>,
    /// `None` if the data never expires, or if there is none.
    cache_ttl: Option<f64>,
    /// The time until a host loads it again; 0 if it is due.
    pub(super) next_refill: Option<f64>,
    pub(super) last_error: Option<ErrorRow>,
}

/// The last failed refill.
#[derive(Debug, Serialize)]
pub(super) struct ErrorRow {
    at: f64,
    pub(super) age: f64,
    pub(super) kind: String,
    pub(super) message: String,
}

impl Row {
    pub(super) fn new(cache: &Name, status: &Status) -> Self {
        let (state, head) = match &status.presence {
            Presence::Lost(head) => (State::Lost, Some(head)),
            Presence::Whole(head) if since(status.now, head.checked_at) > head.refill_interval.saturating_mul(2) => {
                (State::Stale, Some(head))
            }
            Presence::Whole(head) => (State::Fresh, Some(head)),
            Presence::Foreign(_) => (State::Foreign, None),
            _ => (State::Missing, None),
        };
        let foreign = match &status.presence {
            Presence::Foreign(foreign) => Some(foreign),
            _ => None,
        };
        let activity = match status.lease {
            LeaseState::Held { .. } => Activity::Loading,
            LeaseState::Backoff { .. } => Activity::Backoff,
            _ => Activity::Idle,
        };
        Self {
            cache: cache.to_string(),
            state,
            activity,
            id: status.presence.id().or(head.map(|head| head.id)).map(|id| id.to_string()),
            seq: head.map(|head| head.seq),
            entries: head.map(|head| head.entries),
            bytes: head.map(|head| head.bytes).or(foreign.map(|foreign| foreign.bytes)),
            age: head.map(|head| since(status.now, head.checked_at).as_secs_f64()),
            loaded_at: head.map(|head| unix(head.loaded_at)),
            checked_at: head.map(|head| unix(head.checked_at)),
            refill_interval: head.map(|head| head.refill_interval.as_secs_f64()),
            cache_ttl: head.and_then(|head| match head.cache_ttl {
                Ttl::For(ttl) => Some(ttl.as_secs_f64()),
                Ttl::Forever => None,
            }),
            next_refill: next_refill(status, head).map(|left| left.as_secs_f64()),
            last_error: status.last_error().map(|error| ErrorRow {
                at: unix(error.at),
                age: since(status.now, error.at).as_secs_f64(),
                kind: error.kind.clone(),
                message: error.message.clone(),
            }),
        }
    }
}

/// The time until some host may load the cache. Unknown while a host is loading it, and if nothing is
/// published that says how often it is loaded.
fn next_refill(status: &Status, head: Option<&Head>) -> Option<Duration> {
    match (status.lease, &status.presence) {
        (LeaseState::Held { .. }, _) => None,
        (LeaseState::Backoff { until }, _) => Some(since(until, status.now)),
        (_, Presence::Lost(_)) => Some(Duration::ZERO),
        (_, Presence::Whole(_)) => head.map(|head| since(head.checked_at + head.refill_interval, status.now)),
        _ => None,
    }
}

fn since(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn unix(time: SystemTime) -> f64 {
    since(time, SystemTime::UNIX_EPOCH).as_secs_f64()
}
