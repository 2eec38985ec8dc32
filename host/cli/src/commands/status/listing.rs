//! The caches for people: a table with a line for each, and below it why those that are not well are not.

use anyhow::Result;
use kiwi_store::{Name, Presence, Status};

use super::condition::{Condition, Data, State};
use super::explain;
use crate::human;
use crate::output::Output;
use crate::style::Style;

const HEADING: [&str; 7] = ["CACHE", "STATE", "ENTRIES", "BYTES", "AGE", "NEXT REFILL", "WHY"];

/// One cache, and what is known of it.
pub(super) struct Listed<'a> {
    pub(super) cache: &'a Name,
    pub(super) status: &'a Status,
    pub(super) condition: Condition<'a>,
    pub(super) is_configured: bool,
}

/// Writes the table and the blocks.
pub(super) fn write(caches: &[Listed<'_>], output: &mut Output) -> Result<()> {
    output.table(HEADING, caches.iter().map(|listed| (style(&listed.condition), cells(listed))), 0)?;
    caches.iter().filter(|listed| !listed.condition.is_well).try_for_each(|listed| write_block(listed, output))
}

fn write_block(listed: &Listed<'_>, output: &mut Output) -> Result<()> {
    let Listed { cache, status, condition, is_configured } = listed;
    output.line("")?;
    output.styled_line(style(condition), format_args!("{cache}: {}", condition.state.as_str()))?;
    for sentence in explain::in_sentences(cache, condition, status) {
        output.line(format_args!("  {sentence}"))?;
    }
    match explain::advice(cache, condition, *is_configured) {
        advice if advice.is_empty() => Ok(()),
        advice => Ok(output.line(format_args!("  what to do: {advice}"))?),
    }
}

fn style(condition: &Condition<'_>) -> Style {
    match (condition.is_well, condition.state, condition.data) {
        (true, ..) => Style::Good,
        (false, State::NoHost | State::CannotRun | State::StoreRefuses, _) => Style::Bad,
        (false, _, Data::Missing | Data::Lost) => Style::Bad,
        (false, ..) => Style::Warning,
    }
}

fn cells(listed: &Listed<'_>) -> [String; HEADING.len()] {
    let Listed { cache, status, condition, .. } = listed;
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let (head, foreign) = match &status.presence {
        Presence::Whole(head) | Presence::Lost(head) => (Some(head), None),
        Presence::Foreign(foreign) => (None, Some(foreign)),
        _ => (None, None),
    };
    let bytes = head.map(|head| head.bytes).or(foreign.map(|foreign| foreign.bytes));
    [
        cache.to_string(),
        condition.state.as_str().to_owned(),
        or_dash(head.map(|head| human::count(head.entries))),
        or_dash(bytes.map(human::bytes)),
        or_dash(condition.age.map(human::duration)),
        or_dash(explain::next_refill(condition, status)),
        explain::in_short(condition, status),
    ]
}
