//! What surrounds a fork: no load is in flight while a child comes to be, and the child gets threads of its own.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use kiwi_cache::blocking::Pause;
use pyo3::prelude::*;

use crate::event;
use crate::shared::Shared;

/// How long a fork waits for loads. After that it goes on: the child does not depend on what the load was doing.
const MAX_WAIT: Duration = Duration::from_secs(10);

thread_local! {
    /// The pauses of the fork that this thread makes.
    static PAUSED: RefCell<Vec<Pause>> = const { RefCell::new(Vec::new()) };
}

/// Before a fork, in the thread that forks.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    let readers = Shared::all_connected();
    // A load may need the GIL: to log, or for a metric.
    let pauses: Vec<Pause> = py.detach(|| {
        let deadline = Instant::now() + MAX_WAIT;
        let left = || deadline.saturating_duration_since(Instant::now());
        readers.iter().filter_map(|shared| shared.held().ok()?.pause(left())).collect()
    });
    PAUSED.with_borrow_mut(|paused| paused.extend(pauses));
}

/// After a fork, in the parent.
#[pyfunction]
pub(crate) fn after_fork_in_parent() {
    PAUSED.with_borrow_mut(Vec::clear);
}

/// After a fork, in the child. Returns what went wrong.
#[pyfunction]
pub(crate) fn after_fork_in_child() -> Vec<String> {
    PAUSED.with_borrow_mut(|paused| std::mem::forget(std::mem::take(paused)));
    event::renew();
    let restarted = Shared::all_connected().into_iter().map(|shared| Shared::restart(&shared));
    restarted.filter_map(|outcome| outcome.err().map(|error| error.to_string())).collect()
}
