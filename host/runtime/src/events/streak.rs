//! Failures in a row of each cache on this host, and which of them are worth a line: the first, each that is of a new
//! kind, and then every second, fourth, eighth, ... so that the log neither falls silent nor fills up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use kiwi_store::Name;

use crate::failure::{Failure, FailureKind};

/// How many kinds of failure are remembered in a row. Further ones are not new.
const MAX_SEEN: usize = 8;

/// The failures in a row of all caches that fail.
#[derive(Debug, Default)]
pub(super) struct Streaks(Mutex<HashMap<Name, Streak>>);

#[derive(Debug)]
struct Streak {
    so_far: InARow,
    seen: Vec<(FailureKind, String)>,
}

/// How often in a row, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InARow {
    pub(super) times: u32,
    pub(super) since: SystemTime,
}

/// What the log says of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// All of it: it did not come before in this row.
    New,
    /// That it goes on.
    Repeated,
    /// Nothing.
    Nothing,
}

impl Streaks {
    /// Counts one more.
    pub(super) fn failed(&self, cache: &Name, failure: &Failure) -> (InARow, Worth) {
        let mut streaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = || Streak { so_far: InARow { times: 0, since: SystemTime::now() }, seen: Vec::new() };
        let Streak { so_far, seen } = streaks.entry(cache.clone()).or_insert_with(begun);
        so_far.times = so_far.times.saturating_add(1);
        let this = (failure.kind, without_digits(&failure.message));
        let is_new = seen.len() < MAX_SEEN && !seen.contains(&this);
        if is_new {
            seen.push(this);
        }
        let worth = match so_far.times {
            _ if is_new => Worth::New,
            times if times.is_power_of_two() => Worth::Repeated,
            _ => Worth::Nothing,
        };
        (*so_far, worth)
    }

    /// Ends a row, and returns what it has come to.
    pub(super) fn end(&self, cache: &Name) -> Option<InARow> {
        let mut streaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streaks.remove(cache).map(|streak| streak.so_far)
    }
}

/// Times, counts and addresses in a message do not make it a new one.
fn without_digits(message: &str) -> String {
    message.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_repeats_is_said_at_growing_intervals_and_a_new_one_at_once() {
        let (streaks, cache) = (Streaks::default(), "rates".parse().unwrap());
        let fail = |kind, message: String| streaks.failed(&cache, &Failure::new(kind, message)).1;
        let said: Vec<u32> = (1..=40)
            .filter(|n| fail(FailureKind::Unavailable, format!("no answer in {n} ms")) != Worth::Nothing)
            .collect();
        assert_eq!(said, [1, 2, 4, 8, 16, 32]);
        assert_eq!(fail(FailureKind::Trap, "unreachable".into()), Worth::New);
        assert_eq!(fail(FailureKind::Unavailable, "no answer in 1 ms".into()), Worth::Nothing);
        let row = streaks.end(&cache).unwrap();
        assert_eq!(row.times, 42);
        assert_eq!(streaks.end(&cache), None);
        assert_eq!(streaks.failed(&cache, &Failure::new(FailureKind::Trap, "x")).0.times, 1);
    }
}
