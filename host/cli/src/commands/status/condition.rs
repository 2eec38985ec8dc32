//! The state of a cache, and why: a pure function of what the store, the hosts and the configuration say.

use std::time::{Duration, SystemTime};

use kiwi_store::{Failing, Head, HostState, LeaseState, Presence, REPORT_INTERVAL, Status};
use serde::Serialize;

use super::problem::{Class, Problem};

/// How long after its back-off a load may take to fail or to succeed. A failure that is older, on a host that does not
/// run any more, says nothing about the hosts that run now.
const ATTEMPT_TIME: Duration = Duration::from_secs(60);

/// The state of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// The data is there and up to date.
    Fresh,
    /// A host is loading it: the data is up to date, or it is the first load.
    Loading,
    /// Python's kiwi-cache wrote the record.
    Foreign,
    /// It was not checked against its source for too long, and no failure is known.
    Stale,
    /// Nothing is published.
    Missing,
    /// The data is incomplete.
    Lost,
    /// The last load failed, and the next try is due.
    Failing,
    /// The last load failed, and the source is left alone for a while.
    BackingOff,
    /// A guard refuses what the loader returns.
    Refused,
    /// No host can start its plugin.
    CannotRun,
    /// The store is full, refuses, or cannot be reached from the host.
    StoreRefuses,
    /// It fails on some hosts, while others keep it fresh.
    PartlyFailing,
    /// The hosts that ran it are dead.
    NoHost,
    /// It is in the store, but no host runs it, and this machine's configuration does not have it.
    Leftover,
}

impl State {
    /// As the table shows it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Loading => "loading",
            Self::Foreign => "foreign",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Lost => "lost",
            Self::Failing => "failing",
            Self::BackingOff => "backing off",
            Self::Refused => "refused",
            Self::CannotRun => "cannot run",
            Self::StoreRefuses => "store refuses",
            Self::PartlyFailing => "partly failing",
            Self::NoHost => "no host",
            Self::Leftover => "leftover",
        }
    }
}

/// What readers find, whatever the hosts do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Data {
    Fresh,
    Stale,
    Missing,
    Lost,
    Foreign,
}

/// What is known of a cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) status: &'a Status,
    /// The hosts that run it or ran it.
    pub(super) hosts: &'a [HostState],
    /// Whether this machine's configuration has it.
    pub(super) is_configured: bool,
    /// Whether `kiwi-host publish` publishes it, and no host.
    pub(super) is_published: bool,
    /// Whether other caches of the store have hosts that run.
    pub(super) others_run: bool,
    /// Data that was checked longer ago is stale.
    pub(super) max_age: Option<Duration>,
}

/// The state of a cache, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition<'a> {
    pub(super) state: State,
    pub(super) is_well: bool,
    /// Whether `kiwi-host publish` publishes it, and no host.
    pub(super) is_published: bool,
    pub(super) data: Data,
    /// The time since a refill last compared the map with its source.
    pub(super) age: Option<Duration>,
    /// What goes wrong now. The first one decides the state.
    pub(super) problems: Vec<Problem<'a>>,
    /// Failures of processes that do not run any more, such as a `refill` by hand with other settings.
    pub(super) past: Vec<Problem<'a>>,
    pub(super) live: Vec<&'a HostState>,
    /// The host that was heard of last, where none is alive.
    pub(super) last_dead: Option<&'a HostState>,
    /// The time until a host loads it again; zero if it is due. `None`: unknown, or no host will.
    pub(super) next_refill: Option<Duration>,
}

impl<'a> Condition<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let Facts { status, hosts, max_age, .. } = facts;
        let now = status.now;
        let head = match &status.presence {
            Presence::Whole(head) | Presence::Lost(head) => Some(head),
            _ => None,
        };
        let age = head.map(|head| since(now, head.checked_at));
        let data = data(&status.presence, age, max_age);
        let (live, dead): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| host.is_alive);
        let is_published = facts.is_published && live.is_empty();
        // A success ends the failures of what publishes it: older ones are of the plugin that loaded it before.
        let is_over = |failing: &Failing| is_published && head.is_some_and(|head| failing.last.at < head.checked_at);
        let (current, past): (Vec<_>, Vec<_>) =
            status.failing.iter().partition(|failing| is_current(failing, &live, now) && !is_over(failing));
        let mut troubles: Vec<Problem<'_>> = live.iter().filter_map(|host| Problem::reported(host)).collect();
        // A host that could not start the cache is the last to say how the cache is.
        troubles.sort_by_key(|problem| problem.class() == Class::Plugin);
        let problems = current.into_iter().map(Problem::counted).chain(troubles).collect();
        let last_dead = dead.into_iter().max_by_key(|host| host.seen).filter(|_| live.is_empty());
        let mut condition = Self {
            state: State::Fresh,
            is_well: false,
            is_published,
            data,
            age,
            problems,
            past: past.into_iter().map(Problem::counted).collect(),
            live,
            last_dead,
            next_refill: None,
        };
        condition.state = condition.state(facts, head);
        let is_up_to_date = data == Data::Fresh || (data == Data::Foreign && max_age.is_none());
        condition.is_well = is_up_to_date && matches!(condition.state, State::Fresh | State::Loading | State::Foreign);
        condition.next_refill = condition.next_refill(status, head);
        condition
    }

    /// What the first problem is called, unless the cache is well in spite of it.
    fn state(&self, facts: Facts<'_>, head: Option<&Head>) -> State {
        let now = facts.status.now;
        let is_held = is_held(facts.status);
        if self.live.is_empty() && !self.is_published && !is_held {
            if self.last_dead.is_some_and(|dead| !is_refilled_since(dead, head, &self.problems)) {
                return State::NoHost;
            }
            let is_stored = facts.status.presence != Presence::Missing || !facts.status.failing.is_empty();
            if is_stored && !facts.is_configured && facts.others_run {
                return State::Leftover;
            }
        }
        if let Some(problem) = self.problems.first() {
            return match problem.class() {
                _ if !self.is_published && self.is_partly_well(head) => State::PartlyFailing,
                Class::Guard => State::Refused,
                Class::Store => State::StoreRefuses,
                Class::Plugin => State::CannotRun,
                Class::Load if !self.is_published && !is_held && problem.backoff(now).is_some() => State::BackingOff,
                Class::Load => State::Failing,
            };
        }
        match self.data {
            Data::Fresh | Data::Missing | Data::Foreign if is_held => State::Loading,
            Data::Fresh => State::Fresh,
            Data::Stale => State::Stale,
            Data::Missing => State::Missing,
            Data::Lost => State::Lost,
            Data::Foreign => State::Foreign,
        }
    }

    /// Whether other hosts keep it fresh: a success of the same definition would have ended the count of a failure, so
    /// one that came since is another definition's.
    fn is_partly_well(&self, head: Option<&Head>) -> bool {
        let is_refilled = |problem: &Problem<'_>| head.is_some_and(|head| head.checked_at > problem.since);
        let is_only_reported = self.problems.iter().all(|problem| problem.retry_at.is_none());
        let some_host_is_well = self.live.iter().any(|host| host.report.trouble.is_none());
        self.data == Data::Fresh && (self.problems.iter().all(is_refilled) || (is_only_reported && some_host_is_well))
    }

    fn next_refill(&self, status: &Status, head: Option<&Head>) -> Option<Duration> {
        if is_held(status) || self.live.is_empty() {
            return None;
        }
        let due = match &status.presence {
            Presence::Whole(_) => head.and_then(|head| head.checked_at.checked_add(head.refill_interval)),
            Presence::Lost(_) | Presence::Missing => Some(status.now),
            _ => None,
        };
        match self.state {
            State::CannotRun => None,
            State::PartlyFailing => due.map(|due| since(due, status.now)),
            _ => match self.problems.first() {
                Some(problem) if problem.retry_at.is_none() => None,
                Some(problem) => Some(problem.backoff(status.now).unwrap_or_default()),
                None => due.map(|due| since(due, status.now)),
            },
        }
    }
}

fn data(presence: &Presence, age: Option<Duration>, max_age: Option<Duration>) -> Data {
    match presence {
        Presence::Lost(_) => Data::Lost,
        Presence::Whole(head) if age > Some(head.refill_interval.saturating_mul(2)) => Data::Stale,
        Presence::Whole(_) if max_age.is_some() && age > max_age => Data::Stale,
        Presence::Whole(_) => Data::Fresh,
        Presence::Foreign(_) => Data::Foreign,
        _ => Data::Missing,
    }
}

/// Whether a failure says something about the hosts that run now. It does if it is of one of them, if there are none,
/// or if it is so young that they may be of the same definition and wait for the same back-off.
fn is_current(failing: &Failing, live: &[&HostState], now: SystemTime) -> bool {
    let is_recent = failing.retry_at.checked_add(ATTEMPT_TIME).is_none_or(|until| now < until);
    live.is_empty() || is_recent || live.iter().any(|host| host.report.host == failing.host)
}

/// Whether something else has loaded the cache since its last host was heard of, as cron does. A host may have loaded
/// it after its last report.
fn is_refilled_since(dead: &HostState, head: Option<&Head>, problems: &[Problem<'_>]) -> bool {
    let died_by = dead.seen + REPORT_INTERVAL;
    let is_later =
        |problem: &Problem<'_>| problem.at.is_some_and(|at| at > died_by) && problem.host != dead.report.host;
    head.is_some_and(|head| head.checked_at > died_by) || problems.iter().any(is_later)
}

/// Whether a host, or kiwi-cache, is loading it.
pub(super) fn is_held(status: &Status) -> bool {
    matches!(status.lease, LeaseState::Held { .. })
}

pub(super) fn since(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}
