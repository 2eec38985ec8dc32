//! Helpers of the tests: built files, the command in a temporary directory, sources, and maps that show
//! whether they are whole.

mod built;
mod config;
mod database;
mod no_ttl;
mod numbers;
mod page;
mod process;
mod python;
mod secrets;
mod source;
mod web_server;
mod workdir;

use std::time::{Duration, Instant};

pub(crate) use built::{guest, kiwi_host, plugin, repository};
pub(crate) use config::{numbers, numbers_in};
pub(crate) use database::Database;
pub(crate) use no_ttl::keys_without_ttl;
pub(crate) use numbers::{Number, Numbers};
pub(crate) use page::page;
pub(crate) use process::Running;
pub(crate) use python::{Python, Race, interpreter, python};
pub(crate) use secrets::{Secrets, TRACE, encoded, everything_in, in_base64};
pub(crate) use source::{Loads, Source};
pub(crate) use web_server::{Asked, Reply, WebServer};
pub(crate) use workdir::{Exited, WorkDir};

/// Longer than anything that works takes, even on a machine that is busy with other tests.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Polls until there is an answer; panics if there is none for a long time.
pub(crate) fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(answer) = poll() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
