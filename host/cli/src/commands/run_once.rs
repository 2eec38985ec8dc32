//! Loading each cache of a host once: `run --once`, `refill` and `publish`.

use anyhow::Result;
use kiwi_host::Outcome;
use kiwi_store::Name;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::start::{Skip, Started};
use crate::args::Format;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Terminal;
use crate::style::Style;
use crate::{human, shutdown};

/// Loads all caches and prints each outcome, as `report` does. The exit code is a success only if all went well.
pub(super) async fn run(started: &Started, is_quiet: bool, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let (outcomes, exit) = load_all(started, terminal).await?;
    report(started, &outcomes, is_quiet, output)?;
    Ok(exit)
}

/// Loads all caches, until a signal comes.
pub(super) async fn load_all(started: &Started, terminal: &Terminal) -> Result<(Vec<(Name, Outcome)>, Exit)> {
    let Started { host, skipped } = started;
    let stop = CancellationToken::new();
    let mut outcomes = Vec::new();
    let work = async {
        outcomes = terminal.show_progress(host, host.refill_all_until(stop.cancelled())).await;
        exit(&outcomes, skipped)
    };
    let exit = shutdown::run_until_stopped(&stop, work).await?;
    Ok((outcomes, exit))
}

/// Prints each outcome, a failure on standard error; if `is_quiet`, only failures.
pub(super) fn report(
    Started { skipped, .. }: &Started,
    outcomes: &[(Name, Outcome)],
    is_quiet: bool,
    output: &mut Output,
) -> Result<()> {
    match output.format() {
        Format::Json => {
            let skipped = skipped.iter().map(skipped_to_json);
            let all: Vec<Value> = outcomes.iter().map(outcome_to_json).chain(skipped).collect();
            Ok(output.json_of("outcomes", &all)?)
        }
        Format::Human => outcomes.iter().try_for_each(|(cache, outcome)| write(cache, outcome, is_quiet, output)),
    }
}

fn went_well(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Fresh { .. })
}

fn exit(outcomes: &[(Name, Outcome)], skipped: &[Skip]) -> Exit {
    let all_went_well = outcomes.iter().all(|(_, outcome)| went_well(outcome));
    match (outcomes.is_empty(), all_went_well && skipped.is_empty()) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Success,
        (false, false) => Exit::Failure,
    }
}

fn write(cache: &Name, outcome: &Outcome, is_quiet: bool, output: &mut Output) -> Result<()> {
    let what = match outcome {
        Outcome::Published { entries, bytes, took, .. } => {
            let (entries, bytes) = (human::entries(*entries), human::bytes(*bytes));
            format!("published {entries} ({bytes}) in {}", human::duration(*took))
        }
        Outcome::Unchanged { entries, took, .. } => {
            format!("unchanged ({}), checked in {}", human::entries(*entries), human::duration(*took))
        }
        Outcome::Fresh { .. } => "just refilled by another host".to_owned(),
        Outcome::Busy { left } => format!("another host is loading it (lease expires in {})", human::duration(*left)),
        Outcome::Backoff { left } => {
            format!("in back-off after a failure (next attempt in {})", human::duration(*left))
        }
        Outcome::Failed(failure) => {
            // Errors of the store name the cache, and so does this line.
            let prefix = format!("cache `{cache}`: ");
            let message = failure.message.strip_prefix(&prefix).unwrap_or(&failure.message);
            format!("failed ({}): {}", failure.kind, human::one_line(message))
        }
        _ => "stopped before it was loaded; nothing was published".to_owned(),
    };
    match went_well(outcome) {
        true if is_quiet => return Ok(()),
        true => return Ok(output.styled_line(Style::Good, format_args!("{cache}: {what}"))?),
        false => eprintln!("kiwi-host: cache `{cache}`: {what}"),
    }
    let detail = outcome.failure().and_then(|failure| failure.detail.as_deref()).unwrap_or_default();
    for line in detail.lines() {
        eprintln!("    {}", human::one_line(line));
    }
    Ok(())
}

fn outcome_to_json((cache, outcome): &(Name, Outcome)) -> Value {
    let cache = cache.as_str();
    match outcome {
        Outcome::Published { id, entries, bytes, took } => json!({
            "cache": cache, "outcome": "published", "id": id.to_string(), "entries": entries, "bytes": bytes,
            "took_ms": human::millis(*took),
        }),
        Outcome::Unchanged { id, entries, took } => json!({
            "cache": cache, "outcome": "unchanged", "id": id.to_string(), "entries": entries,
            "took_ms": human::millis(*took),
        }),
        Outcome::Fresh { left } => json!({ "cache": cache, "outcome": "fresh", "left_ms": human::millis(*left) }),
        Outcome::Busy { left } => json!({ "cache": cache, "outcome": "busy", "left_ms": human::millis(*left) }),
        Outcome::Backoff { left } => json!({ "cache": cache, "outcome": "backoff", "left_ms": human::millis(*left) }),
        Outcome::Failed(failure) => json!({
            "cache": cache, "outcome": "failed", "kind": failure.kind.as_str(), "message": failure.message,
            "detail": failure.detail,
        }),
        _ => json!({ "cache": cache, "outcome": "abandoned" }),
    }
}

fn skipped_to_json(skip: &Skip) -> Value {
    json!({ "cache": skip.cache.as_str(), "outcome": "skipped", "message": skip.message })
}
