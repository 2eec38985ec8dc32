//! Why a cache is in its state, in a few words and in sentences, and what to do about it.

use std::time::{Duration, SystemTime};

use kiwi_store::{HashState, LeaseState, Name, Status};

use super::condition::{Condition, Data, State, is_held, since};
use super::problem::{Class, Problem};
use super::published;
use crate::human;

/// Why, in a few words. Empty if there is nothing to say.
pub(super) fn in_short(condition: &Condition<'_>, status: &Status) -> String {
    let host = |host: &str| human::one_line(host);
    let ago = |time: SystemTime| human::duration(since(status.now, time));
    match (condition.state, condition.problems.first(), condition.last_dead) {
        (State::Missing, None, _) if condition.is_published => "not published yet".to_owned(),
        (State::Stale, None, _) if condition.is_published => "not published again".to_owned(),
        (State::NoHost, _, Some(dead)) => format!("{} is dead for {}", host(&dead.report.host), ago(dead.seen)),
        (State::Leftover, ..) => "no host has it".to_owned(),
        (State::PartlyFailing | State::StoreRefuses | State::CannotRun, Some(problem), _) => {
            format!("{} on {}", human::one_line(problem.kind), host_of(problem))
        }
        (_, Some(problem), _) if problem.times <= 1 => format!("{}, once", human::one_line(problem.kind)),
        (_, Some(problem), _) => {
            format!("{}, {} times in {}", human::one_line(problem.kind), problem.times, ago(problem.since))
        }
        (State::Loading, None, _) => {
            status.holder.as_deref().map_or(String::new(), |holder| format!("by {}", host(holder)))
        }
        (State::Missing, None, _) if condition.live.is_empty() => "no host runs it".to_owned(),
        (State::Missing, None, _) => "waiting for its first load".to_owned(),
        (State::Stale, None, _) if condition.live.is_empty() => "no host runs it".to_owned(),
        (State::Stale, None, _) => "overdue".to_owned(),
        (State::Lost, None, _) => "its data is incomplete".to_owned(),
        (State::Foreign, None, _) => "kiwi-cache wrote it".to_owned(),
        (_, None, _) if status.hash == HashState::Behind => "its hash is behind".to_owned(),
        (_, None, _) => String::new(),
    }
}

/// Why, in sentences: what is wrong, since when, how often, on which host, when it is tried next, what readers get.
pub(super) fn in_sentences(cache: &Name, condition: &Condition<'_>, status: &Status) -> Vec<String> {
    let now = status.now;
    let mut sentences = vec![first_sentence(condition, now)];
    sentences.extend(condition.problems.iter().flat_map(|problem| of_problem(cache, condition, problem, status)));
    sentences.extend(condition.past.iter().map(|problem| {
        let ago = human::duration(since(now, problem.at.unwrap_or(problem.since)));
        let (host, kind, message) = (host_of(problem), human::one_line(problem.kind), said(cache, problem));
        format!("{ago} ago, a load failed on {host}, which does not run any more ({kind}): {message}")
    }));
    sentences.extend(held_by(condition, status));
    sentences.push(data(condition, status));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// What to do, in a sentence.
pub(super) fn advice(cache: &Name, condition: &Condition<'_>, is_configured: bool) -> String {
    if condition.is_published {
        return published::advice(cache, condition, is_configured);
    }
    let start = if is_configured {
        format!("start a host with `kiwi-host run`, or load it once with `kiwi-host refill {cache}`")
    } else {
        "start a host that has it in its kiwi.toml".to_owned()
    };
    match (condition.state, condition.problems.first()) {
        (State::NoHost, _) if is_configured => start,
        (State::NoHost, _) => {
            format!("{start}; if it was removed on purpose, delete it with `kiwi-host forget {cache} --yes`")
        }
        (State::Leftover, _) => format!(
            "if nothing else refills it, such as cron on another machine, delete it with `kiwi-host forget {cache} \
             --yes`, or add it to the kiwi.toml of a host"
        ),
        (_, Some(problem)) if condition.live.is_empty() && problem.kind == "unavailable" => {
            format!("check its source, and load it again with `kiwi-host refill {cache}`")
        }
        (_, Some(problem)) => of_kind(cache, problem),
        (State::Missing | State::Stale | State::Lost, None) if condition.live.is_empty() => start,
        (State::Missing, None) => "wait for its first load; the log of that host shows what it does".to_owned(),
        (State::Lost, None) => "wait: a host publishes it again. If this happens again and again, `kiwi-host check` \
                                shows whether Redis evicts keys"
            .to_owned(),
        (State::Stale, None) => {
            format!("see the log of its host, or load it now with `kiwi-host refill {cache}`")
        }
        _ => String::new(),
    }
}

fn first_sentence(condition: &Condition<'_>, now: SystemTime) -> String {
    let hosts = condition.live.iter().map(|host| human::one_line(&host.report.host)).collect::<Vec<_>>().join(", ");
    match condition.state {
        State::NoHost => condition.last_dead.map_or(String::new(), |dead| {
            let (host, ago) = (human::one_line(&dead.report.host), human::duration(since(now, dead.seen)));
            format!("no host runs it: the last one was {host}, which was last heard of {ago} ago")
        }),
        State::Leftover => "no host that runs has it in its configuration, and neither has the kiwi.toml of this \
                            machine, while other caches in this store have hosts"
            .to_owned(),
        State::PartlyFailing => "it fails on one host, while another host keeps it fresh: their configurations or \
                                 machines differ"
            .to_owned(),
        State::Missing | State::Stale | State::Lost if condition.is_published => published::FIRST_SENTENCE.to_owned(),
        State::Missing | State::Stale | State::Lost if condition.live.is_empty() => "no host runs it".to_owned(),
        State::Missing => format!("{hosts} runs it, and has not loaded it yet"),
        State::Stale => format!("it is overdue, although {hosts} runs it"),
        State::Lost => format!("some of its keys were evicted, deleted or overwritten; {hosts} runs it"),
        _ => String::new(),
    }
}

fn of_problem(cache: &Name, condition: &Condition<'_>, problem: &Problem<'_>, status: &Status) -> Vec<String> {
    let now = status.now;
    let (host, kind, message) = (host_of(problem), human::one_line(problem.kind), said(cache, problem));
    let began = format!("{} ({} ago)", human::time(problem.since), human::duration(since(now, problem.since)));
    let times = problem.times;
    let first = match (problem.class(), problem.at) {
        (Class::Plugin, _) => format!("{host} cannot start it since {began}: {message}"),
        (_, Some(at)) => {
            let ago = human::duration(since(now, at));
            format!("the last load failed {ago} ago on {host} ({kind}): {message}")
        }
        (_, None) => format!("{host} cannot load it ({kind}): {message}"),
    };
    let mut sentences = vec![first];
    match problem.class() {
        Class::Plugin => {}
        _ if times > 1 => sentences.push(format!("{times} attempts in a row have failed since {began}")),
        _ => sentences.push(format!("it is the first one in a row, at {}", human::time(problem.since))),
    }
    let nobody = condition.live.is_empty();
    sentences.push(match (problem.backoff(now), problem.class()) {
        (_, Class::Plugin) => "that host does not try again until it is started again".to_owned(),
        _ if nobody && is_held(status) => String::new(),
        _ if condition.is_published => "nothing tries again by itself".to_owned(),
        _ if nobody => "no host runs it, so nothing tries again by itself".to_owned(),
        (Some(left), _) => format!("the next try is in {}", human::duration(left)),
        (None, _) if is_held(status) => String::new(),
        (None, _) if problem.retry_at.is_none() => "that host tries again every few seconds".to_owned(),
        (None, _) => "the next try is due".to_owned(),
    });
    sentences
}

/// That a host is loading it.
fn held_by(condition: &Condition<'_>, status: &Status) -> Option<String> {
    let LeaseState::Held { until } = status.lease else { return None };
    let host = status.holder.as_deref().map_or("another process, such as kiwi-cache".to_owned(), human::one_line);
    let left = human::duration(until.duration_since(status.now).unwrap_or_default());
    let first = if condition.data == Data::Missing { " for the first time" } else { "" };
    Some(format!("{host} is loading it{first} now; its lease ends in {left} unless it is renewed"))
}

/// What readers get.
fn data(condition: &Condition<'_>, status: &Status) -> String {
    let head = status.presence.whole();
    let age = human::duration(condition.age.unwrap_or_default());
    match (condition.data, head) {
        (Data::Fresh | Data::Stale, Some(head)) => {
            let (entries, at) = (human::entries(head.entries), human::time(head.checked_at));
            let happened = if condition.is_published { "published" } else { "checked against the source" };
            format!("readers get {entries}, last {happened} at {at} ({age} ago)")
        }
        (Data::Lost, _) if condition.is_published => format!(
            "some of its keys were evicted, deleted or overwritten: readers that have no copy get nothing; it was last \
             published {age} ago"
        ),
        (Data::Lost, _) => format!("readers that have no copy get nothing: the data was last checked {age} ago"),
        (Data::Foreign, _) => "readers get the record that kiwi-cache wrote".to_owned(),
        _ => "nothing is published: readers get nothing".to_owned(),
    }
}

fn said(cache: &Name, problem: &Problem<'_>) -> String {
    // Errors of the store name the cache, and so does what stands above.
    let prefix = format!("cache `{cache}`: ");
    human::one_line(problem.message.strip_prefix(&prefix).unwrap_or(problem.message))
}

fn of_kind(cache: &Name, problem: &Problem<'_>) -> String {
    let host = host_of(problem);
    let try_it = format!("`kiwi-host refill {cache} --dry-run`");
    match (problem.class(), problem.kind) {
        (Class::Plugin, _) => {
            format!("correct that on {host}, and start it again; `kiwi-host check` there finds the rest")
        }
        (Class::Guard, _) => format!(
            "see what would change with `kiwi-host refill {cache} --dry-run --diff`; if the new map is right, publish it \
             with `kiwi-host refill {cache} --force`"
        ),
        (Class::Store, _) => format!("correct that in the store; `kiwi-host check` on {host} names what a host needs"),
        (_, "unavailable") => "check its source; the host tries again by itself".to_owned(),
        (_, "invalid-settings") => {
            format!("correct `settings` of [cache.{cache}] in the kiwi.toml of {host}, and start that host again")
        }
        (_, "denied") => {
            format!("check what the source allows, and the `grants` of [cache.{cache}] in the kiwi.toml of {host}")
        }
        (_, "internal") => "report this as a bug of kiwi-host, with the log of that host".to_owned(),
        (_, "limit") => {
            format!("see whether the loader needs more than `limits` of [cache.{cache}] allow, with {try_it}")
        }
        _ => format!("correct the plugin or its source; {try_it} shows what it returns, without publishing it"),
    }
}

/// The time until a host loads the cache, for the table.
pub(super) fn next_refill(condition: &Condition<'_>, status: &Status) -> Option<String> {
    if is_held(status) {
        return Some("loading".to_owned());
    }
    match (condition.next_refill?, condition.problems.first().and_then(|problem| problem.backoff(status.now))) {
        (Duration::ZERO, _) => Some("due".to_owned()),
        (left, Some(_)) if condition.state != State::PartlyFailing => {
            Some(format!("{} (back-off)", human::duration(left)))
        }
        (left, _) => Some(human::duration(left)),
    }
}

/// The host, or the process that was no host.
fn host_of(problem: &Problem<'_>) -> String {
    if problem.host.is_empty() { "a process without a name".to_owned() } else { human::one_line(problem.host) }
}
