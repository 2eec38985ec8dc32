//! `kiwi-host status [CACHE...]`

use std::time::Duration;

use anyhow::Result;

use super::status_row::{Activity, Row, State};
use crate::args::{Format, StatusArgs};
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::style::Style;
use crate::target::Target;

/// Shows what the store knows of each cache: the same from any machine.
pub(crate) async fn run(target: &Target, args: &StatusArgs, output: &mut Output) -> Result<Exit> {
    let store = target.open_existing_store()?;
    let mut caches = args.caches.clone();
    if caches.is_empty() {
        caches = store.caches().await?;
        caches.extend(target.config.iter().flat_map(|config| &config.caches).map(|cache| cache.name.clone()));
        caches.sort_unstable();
        caches.dedup();
    }
    let mut rows = Vec::with_capacity(caches.len());
    let mut exit = Exit::Success;
    for (cache, status) in caches.iter().zip(store.statuses(&caches).await?) {
        match status {
            Ok(status) => rows.push(Row::new(cache, &status)),
            Err(error) => {
                eprintln!("kiwi-host: {error}");
                exit = Exit::Failure;
            }
        }
    }
    match output.format() {
        Format::Json => output.json(&rows)?,
        Format::Human if caches.is_empty() => {
            output
                .line(format_args!("nothing is published in {} yet; publish with `kiwi-host run`", store.location()))?;
        }
        Format::Human => write(&rows, output)?,
    }
    Ok(exit)
}

const HEADING: [&str; 8] = ["CACHE", "STATE", "ENTRIES", "BYTES", "AGE", "NEXT REFILL", "SEQ", "ID"];

fn write(rows: &[Row], output: &mut Output) -> Result<()> {
    output.table(HEADING, rows.iter().map(|row| (style(row.state), cells(row))), 0)?;
    for row in rows {
        if let Some(error) = &row.last_error {
            let ago = human::duration(Duration::from_secs_f64(error.age));
            let line = format!("{}: last refill failed {ago} ago ({}): {}", row.cache, error.kind, error.message);
            output.line("")?;
            output.styled_line(Style::Warning, line)?;
        }
    }
    Ok(())
}

fn style(state: State) -> Style {
    match state {
        State::Fresh => Style::Good,
        State::Stale | State::Foreign => Style::Warning,
        State::Missing | State::Lost => Style::Bad,
    }
}

fn cells(row: &Row) -> [String; HEADING.len()] {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let seconds = |seconds: f64| human::duration(Duration::from_secs_f64(seconds));
    let next = match (row.activity, row.next_refill) {
        (Activity::Loading, _) => "loading".to_owned(),
        (Activity::Backoff, Some(left)) => format!("{} (back-off)", seconds(left)),
        (_, Some(0.0)) => "due".to_owned(),
        (_, left) => or_dash(left.map(seconds)),
    };
    [
        row.cache.clone(),
        row.state.as_str().to_owned(),
        or_dash(row.entries.map(human::count)),
        or_dash(row.bytes.map(human::bytes)),
        or_dash(row.age.map(seconds)),
        next,
        or_dash(row.seq.map(|seq| seq.to_string())),
        or_dash(row.id.clone()),
    ]
}
