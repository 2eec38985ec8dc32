//! Loading each cache of a host once: `run --once` and `refill`.

use anyhow::Result;
use kiwi_host::{CancellationToken, Outcome};
use kiwi_store::Name;
use serde_json::{Value, json};

use super::start::{Skip, Started};
use crate::args::Format;
use crate::exit::Exit;
use crate::live::Screen;
use crate::output::{Output, Tone};
use crate::{human, stop};

/// Loads all, prints what came of it, and tells whether all went well.
pub(super) async fn run(started: &Started, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let Started { host, skipped } = started;
    let stop = CancellationToken::new();
    let mut outcomes = Vec::new();
    let work = async {
        outcomes = screen.during(host, host.refill_all_until(&stop)).await;
        exit(&outcomes, skipped)
    };
    let exit = stop::run_until_stopped(&stop, work).await?;
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
        (false, true) => Exit::Done,
        (false, false) => Exit::Failed,
    }
}

fn write(cache: &Name, outcome: &Outcome, output: &mut Output) -> Result<()> {
    let (tone, what) = match outcome {
        Outcome::Published { entries, bytes, took, .. } => (
            Tone::Good,
            format!("published {}, {}, in {}", human::entries(*entries), human::bytes(*bytes), human::duration(*took)),
        ),
        Outcome::Unchanged { entries, took, .. } => {
            (Tone::Good, format!("unchanged, {}, found in {}", human::entries(*entries), human::duration(*took)))
        }
        Outcome::Fresh { .. } => (Tone::Good, "refilled just now by another host".to_owned()),
        Outcome::Busy { left } => {
            (Tone::Bad, format!("another host is loading it, for {} yet", human::duration(*left)))
        }
        Outcome::Backoff { left } => {
            (Tone::Bad, format!("its source is left alone for {} after a failure", human::duration(*left)))
        }
        Outcome::Failed(failure) => {
            // An error of the store names the cache itself, and so does the line.
            let named = format!("cache `{cache}`: ");
            let message = failure.message.strip_prefix(&named).unwrap_or(&failure.message);
            (Tone::Bad, format!("failed ({}): {message}", failure.kind))
        }
        Outcome::Abandoned => (Tone::Bad, "stopped before it was loaded: nothing was published".to_owned()),
    };
    output.line(output.paint(tone, format_args!("{cache}: {what}")))?;
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
        Outcome::Abandoned => json!({ "cache": cache, "outcome": "abandoned" }),
    }
}

fn skipped_to_json(skip: &Skip) -> Value {
    json!({ "cache": skip.cache.as_str(), "outcome": "skipped", "message": skip.message })
}
