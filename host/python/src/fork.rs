//! What surrounds a fork: no load is in flight while a child comes to be, and the child gets threads of its own.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiwi_cache::blocking::Pause;
use pyo3::prelude::*;

use crate::event;
use crate::held::Held;
use crate::shared::Shared;

/// How long a fork waits for loads. After that it goes on: the child does not depend on what the load was doing.
const MAX_WAIT: Duration = Duration::from_secs(10);

thread_local! {
    /// The readers that the fork of this thread has paused.
    static PAUSED: RefCell<Vec<Paused>> = const { RefCell::new(Vec::new()) };
}

/// A reader whose thread is kept still. The pause comes first: what would join the thread must not be dropped before it.
struct Paused {
    _pause: Pause,
    _held: Arc<Held>,
    _shared: Arc<Shared>,
}

/// Before a fork, in the thread that forks.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    let readers = Shared::all_connected();
    // A load may need the GIL: to log, or for a metric.
    let all: Vec<Paused> = py.detach(|| {
        let deadline = Instant::now() + MAX_WAIT;
        let pause = |shared: Arc<Shared>| {
            let held = shared.held().ok()?;
            let pause = held.pause(deadline.saturating_duration_since(Instant::now()))?;
            Some(Paused { _pause: pause, _held: held, _shared: shared })
        };
        readers.into_iter().filter_map(pause).collect()
    });
    PAUSED.with_borrow_mut(|paused| paused.extend(all));
}

/// After a fork, in the parent.
#[pyfunction]
pub(crate) fn after_fork_in_parent(py: Python<'_>) {
    let paused = PAUSED.take();
    // Where a reader was closed meanwhile, this ends its thread, which may need the GIL.
    py.detach(|| drop(paused));
}

/// After a fork, in the child. Returns what went wrong.
#[pyfunction]
pub(crate) fn after_fork_in_child() -> Vec<String> {
    PAUSED.with_borrow_mut(|paused| std::mem::forget(std::mem::take(paused)));
    event::renew();
    let restarted = Shared::all_connected().into_iter().map(|shared| Shared::restart(&shared));
    restarted.filter_map(|outcome| outcome.err().map(|error| error.to_string())).collect()
}
