//! What the tests run: built files, the command in a directory of its own, and a loader whose maps
//! show whether they are whole.

mod built;
mod config;
mod desk;
mod immortal;
mod numbers;
mod page;
mod process;
mod python;
mod source;

use std::time::{Duration, Instant};

pub(crate) use built::{guest, plugin, repository};
pub(crate) use config::{numbers, numbers_in};
pub(crate) use desk::{Desk, Ended};
pub(crate) use immortal::immortal;
pub(crate) use numbers::{Number, Numbers};
pub(crate) use page::page;
pub(crate) use process::Running;
pub(crate) use python::{Python, Race};
pub(crate) use source::{Loads, Source};

/// Longer than anything takes that works, on a machine that is busy with other tests.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Looks again and again until there is an answer; panics if there is none in a long time.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
