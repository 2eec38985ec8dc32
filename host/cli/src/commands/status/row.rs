//! One cache, as JSON shows it: docs/output.md describes the fields.

use std::time::SystemTime;

use kiwi_store::{HashState, HostState, LeaseState, Name, Presence, Status, Ttl};
use serde::Serialize;

use super::condition::{Condition, Data, State};
use super::explain;
use super::problem::Problem;
use crate::human;

/// One cache. Times are the store's.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    cache: String,
    state: State,
    well: bool,
    data: Data,
    /// Whether `kiwi-host publish` publishes it, and no host.
    by_publish: bool,
    /// Whether `HGET` shows something older than what is published.
    hash_behind: bool,
    why: String,
    explanation: Vec<String>,
    advice: Option<String>,
    id: Option<String>,
    seq: Option<u64>,
    entries: Option<u64>,
    bytes: Option<u64>,
    age_ms: Option<u64>,
    loaded_at: Option<String>,
    checked_at: Option<String>,
    refill_interval_ms: Option<u64>,
    /// `None` if the data never expires, or if there is none.
    cache_ttl_ms: Option<u64>,
    next_refill_ms: Option<u64>,
    lease: Option<LeaseRow>,
    failures: Vec<ProblemRow>,
    past_failures: Vec<ProblemRow>,
    hosts: Vec<HostRow>,
}

#[derive(Debug, Serialize)]
struct LeaseRow {
    host: Option<String>,
    until: String,
}

#[derive(Debug, Serialize)]
struct ProblemRow {
    host: String,
    kind: String,
    message: String,
    times: u32,
    since: String,
    at: Option<String>,
    retry_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct HostRow {
    host: String,
    alive: bool,
    since: String,
    seen: String,
}

impl Row {
    pub(super) fn new(
        cache: &Name,
        status: &Status,
        hosts: &[HostState],
        condition: &Condition<'_>,
        is_configured: bool,
    ) -> Self {
        let (head, foreign) = match &status.presence {
            Presence::Whole(head) | Presence::Lost(head) => (Some(head), None),
            Presence::Foreign(foreign) => (None, Some(foreign)),
            _ => (None, None),
        };
        let (explanation, advice) = match condition.is_well {
            true => (Vec::new(), None),
            false => (
                explain::in_sentences(cache, condition, status),
                Some(explain::advice(cache, condition, is_configured)).filter(|advice| !advice.is_empty()),
            ),
        };
        Self {
            cache: cache.to_string(),
            state: condition.state,
            well: condition.is_well,
            data: condition.data,
            by_publish: condition.is_published,
            hash_behind: status.hash == HashState::Behind,
            why: explain::in_short(condition, status),
            explanation,
            advice,
            id: status.presence.id().or(head.map(|head| head.id)).map(|id| id.to_string()),
            seq: head.map(|head| head.seq),
            entries: head.map(|head| head.entries),
            bytes: head.map(|head| head.bytes).or(foreign.map(|foreign| foreign.bytes)),
            age_ms: condition.age.map(human::millis),
            loaded_at: head.map(|head| human::exact_time(head.loaded_at)),
            checked_at: head.map(|head| human::exact_time(head.checked_at)),
            refill_interval_ms: head.map(|head| human::millis(head.refill_interval)),
            cache_ttl_ms: head.and_then(|head| match head.cache_ttl {
                Ttl::For(ttl) => Some(human::millis(ttl)),
                Ttl::Forever => None,
            }),
            next_refill_ms: condition.next_refill.map(human::millis),
            lease: match status.lease {
                LeaseState::Held { until } => {
                    Some(LeaseRow { host: status.holder.clone(), until: human::exact_time(until) })
                }
                _ => None,
            },
            failures: condition.problems.iter().map(ProblemRow::new).collect(),
            past_failures: condition.past.iter().map(ProblemRow::new).collect(),
            hosts: hosts.iter().map(HostRow::new).collect(),
        }
    }
}

impl ProblemRow {
    fn new(problem: &Problem<'_>) -> Self {
        let time = |time: Option<SystemTime>| time.map(human::exact_time);
        Self {
            host: problem.host.to_owned(),
            kind: problem.kind.to_owned(),
            message: problem.message.to_owned(),
            times: problem.times,
            since: human::exact_time(problem.since),
            at: time(problem.at),
            retry_at: time(problem.retry_at),
        }
    }
}

impl HostRow {
    fn new(host: &HostState) -> Self {
        Self {
            host: host.report.host.clone(),
            alive: host.is_alive,
            since: human::exact_time(host.since),
            seen: human::exact_time(host.seen),
        }
    }
}
