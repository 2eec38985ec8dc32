//! Loading each cache of a host once: `run --once` and `refill`.

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

/// Loads all caches and prints each outcome. The exit code is a success only if all went well.
pub(super) async fn run(started: &Started, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let Started { host, skipped } = started;
    let stop = CancellationToken::new();
    let mut outcomes = Vec::new();
    let work = async {
        outcomes = terminal.show_progress(host, host.refill_all_until(stop.cancelled())).await;
        exit(&outcomes, skipped)
    };
    let exit = shutdown::run_until_stopped(&stop, work).await?;
    match output.format() {
        Format::Json => {
            let skipped = skipped.iter().map(skipped_to_json);
            let all: Vec<Value> = outcomes.iter().map(outcome_to_json).chain(skipped).collect();
            output.json(&all)?;
        }
        Format::Human => outcomes.iter().try_for_each(|(cache, outcome)| write(cache, outcome, output))?,
    }
    Ok(exit)
}

fn exit(outcomes: &[(Name, Outcome)], skipped: &[Skip]) -> Exit {
    let went_well = |(_, outcome): &(Name, Outcome)| {
        matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. } | Outcome::Fresh { .. })
    };
    match (outcomes.is_empty(), outcomes.iter().all(went_well) && skipped.is_empty()) {
        (true, _) => Exit::Usage,
        (false, true) => Exit::Success,
        (false, false) => Exit::Failure,
    }
}

fn write(cache: &Name, outcome: &Outcome, output: &mut Output) -> Result<()> {
    let (style, what) = match outcome {
        Outcome::Published { entries, bytes, took, .. } => (
            Style::Good,
            format!("published {} ({}) in {}", human::entries(*entries), human::bytes(*bytes), human::duration(*took)),
        ),
        Outcome::Unchanged { entries, took, .. } => {
            (Style::Good, format!("unchanged ({}), checked in {}", human::entries(*entries), human::duration(*took)))
        }
        Outcome::Fresh { .. } => (Style::Good, "just refilled by another host".to_owned()),
        Outcome::Busy { left } => {
            (Style::Bad, format!("another host is loading it (lease expires in {})", human::duration(*left)))
        }
        Outcome::Backoff { left } => {
            (Style::Bad, format!("in back-off after a failure (next attempt in {})", human::duration(*left)))
        }
        Outcome::Failed(failure) => {
            // Errors of the store name the cache, and so does this line.
            let prefix = format!("cache `{cache}`: ");
            let message = failure.message.strip_prefix(&prefix).unwrap_or(&failure.message);
            (Style::Bad, format!("failed ({}): {message}", failure.kind))
        }
        _ => (Style::Bad, "stopped before it was loaded; nothing was published".to_owned()),
    };
    output.styled_line(style, format_args!("{cache}: {what}"))?;
    let detail = outcome.failure().and_then(|failure| failure.detail.as_deref()).unwrap_or_default();
    Ok(detail.lines().try_for_each(|line| output.line(format_args!("    {line}")))?)
}

fn outcome_to_json((cache, outcome): &(Name, Outcome)) -> Value {
    let cache = cache.as_str();
    match outcome {
        Outcome::Published { id, entries, bytes, took } => json!({
            "cache": cache, "outcome": "published", "id": id.to_string(), "entries": entries, "bytes": bytes,
            "took": took.as_secs_f64(),
        }),
        Outcome::Unchanged { id, entries, took } => json!({
            "cache": cache, "outcome": "unchanged", "id": id.to_string(), "entries": entries,
            "took": took.as_secs_f64(),
        }),
        Outcome::Fresh { left } => json!({ "cache": cache, "outcome": "fresh", "left": left.as_secs_f64() }),
        Outcome::Busy { left } => json!({ "cache": cache, "outcome": "busy", "left": left.as_secs_f64() }),
        Outcome::Backoff { left } => json!({ "cache": cache, "outcome": "backoff", "left": left.as_secs_f64() }),
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
