//! `kiwi-host status [CACHE...]`

use std::time::{Duration, SystemTime};

use anyhow::Result;
use kiwi_store::{Head, LeaseState, Name, Presence, Status, Ttl};
use serde::Serialize;

use crate::args::{Format, StatusArgs};
use crate::exit::Exit;
use crate::human;
use crate::output::{Output, Tone};
use crate::place::Place;

/// Shows each cache by what the store knows of it: the same from any machine.
pub(crate) async fn run(place: &Place, args: &StatusArgs, output: &mut Output) -> Result<Exit> {
    let store = place.look_into_store()?;
    let mut caches = args.caches.clone();
    if caches.is_empty() {
        caches = store.caches().await?;
        caches.extend(place.config.iter().flat_map(|config| &config.caches).map(|cache| cache.name.clone()));
        caches.sort_unstable();
        caches.dedup();
    }
    let mut rows = Vec::with_capacity(caches.len());
    let mut exit = Exit::Done;
    for (cache, status) in caches.iter().zip(store.statuses(&caches).await?) {
        match status {
            Ok(status) => rows.push(Row::new(cache, &status)),
            Err(error) => {
                eprintln!("kiwi-host: {error}");
                exit = Exit::Failed;
            }
        }
    }
    match output.format() {
        Format::Json => output.json(&rows)?,
        Format::Human if caches.is_empty() => {
            output.line(format_args!("nothing is published in {}: `kiwi-host run` does that", store.location()))?;
        }
        Format::Human => write(&rows, output)?,
    }
    Ok(exit)
}

/// Whether the data is there, and how well it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fresh,
    Stale,
    Missing,
    Lost,
    /// A record that kiwi-cache itself has written.
    Foreign,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Lost => "lost",
            Self::Foreign => "foreign",
        }
    }
}

/// What is being done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Activity {
    Idle,
    Loading,
    Backoff,
}

/// One cache. Durations are in seconds; times are the store's, in seconds since 1970.
#[derive(Debug, Serialize)]
struct Row {
    cache: String,
    state: State,
    activity: Activity,
    id: Option<String>,
    seq: Option<u64>,
    entries: Option<u64>,
    bytes: Option<u64>,
    /// Since a refill last found that the source says what is published.
    age: Option<f64>,
    loaded_at: Option<f64>,
    checked_at: Option<f64>,
    refill_interval: Option<f64>,
    /// `None` with data there: for ever.
    cache_ttl: Option<f64>,
    /// Until a host loads it again; 0 when it is due.
    next_refill: Option<f64>,
    last_error: Option<ErrorRow>,
}

#[derive(Debug, Serialize)]
struct ErrorRow {
    at: f64,
    age: f64,
    kind: String,
    message: String,
}

impl Row {
    fn new(cache: &Name, status: &Status) -> Self {
        let (state, head) = match &status.presence {
            Presence::Missing => (State::Missing, None),
            Presence::Lost(head) => (State::Lost, Some(head)),
            Presence::Whole(head) if since(status.now, head.checked_at) > head.refill_interval.saturating_mul(2) => {
                (State::Stale, Some(head))
            }
            Presence::Whole(head) => (State::Fresh, Some(head)),
            Presence::Foreign(_) => (State::Foreign, None),
        };
        let foreign = match &status.presence {
            Presence::Foreign(foreign) => Some(foreign),
            _ => None,
        };
        let activity = match status.lease {
            LeaseState::Free => Activity::Idle,
            LeaseState::Held { .. } => Activity::Loading,
            LeaseState::Backoff { .. } => Activity::Backoff,
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
            last_error: status.last_error.as_ref().map(|error| ErrorRow {
                at: unix(error.at),
                age: since(status.now, error.at).as_secs_f64(),
                kind: error.kind.clone(),
                message: error.message.clone(),
            }),
        }
    }
}

/// Until some host may load it again, as far as the store knows: not while one loads it, nor when
/// nothing tells how often it is to be loaded.
fn next_refill(status: &Status, head: Option<&Head>) -> Option<Duration> {
    match (status.lease, &status.presence) {
        (LeaseState::Held { .. }, _) => None,
        (LeaseState::Backoff { until }, _) => Some(since(until, status.now)),
        (LeaseState::Free, Presence::Missing | Presence::Foreign(_)) => None,
        (LeaseState::Free, Presence::Lost(_)) => Some(Duration::ZERO),
        (LeaseState::Free, Presence::Whole(_)) => {
            head.map(|head| since(head.checked_at + head.refill_interval, status.now))
        }
    }
}

fn since(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn unix(time: SystemTime) -> f64 {
    since(time, SystemTime::UNIX_EPOCH).as_secs_f64()
}

const HEADING: [&str; 8] = ["CACHE", "STATE", "ENTRIES", "BYTES", "AGE", "NEXT REFILL", "SEQ", "ID"];

fn write(rows: &[Row], output: &mut Output) -> Result<()> {
    let heading = HEADING.map(str::to_owned).to_vec();
    let cells: Vec<Vec<String>> = std::iter::once(heading).chain(rows.iter().map(cells)).collect();
    let mut lines = human::table(&cells).into_iter();
    if let Some(heading) = lines.next() {
        output.line(output.paint(Tone::Heading, heading))?;
    }
    for (row, line) in rows.iter().zip(lines) {
        let tone = match row.state {
            State::Fresh => Tone::Good,
            State::Stale | State::Foreign => Tone::Doubtful,
            State::Missing | State::Lost => Tone::Bad,
        };
        output.line(output.paint(tone, line))?;
    }
    for row in rows {
        if let Some(error) = &row.last_error {
            let ago = human::duration(Duration::from_secs_f64(error.age));
            let line = format!("{}: last refill failed {ago} ago ({}): {}", row.cache, error.kind, error.message);
            output.line("")?;
            output.line(output.paint(Tone::Doubtful, line))?;
        }
    }
    Ok(())
}

fn cells(row: &Row) -> Vec<String> {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let seconds = |seconds: f64| human::duration(Duration::from_secs_f64(seconds));
    let next = match (row.activity, row.next_refill) {
        (Activity::Loading, _) => "loading".to_owned(),
        (Activity::Backoff, Some(left)) => format!("{} (backoff)", seconds(left)),
        (_, Some(0.0)) => "due".to_owned(),
        (_, left) => or_dash(left.map(seconds)),
    };
    vec![
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
