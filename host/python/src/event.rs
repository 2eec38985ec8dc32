//! What readers report, on its way from their threads to the one thread of Python that hears of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use kiwi_cache::{Loaded, ReaderEvent};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::exception;

/// How many events wait at most. If Python does not take them, the oldest are dropped: they are for logs and metrics, and
/// whatever depends on them looks at the reader itself.
const MAX_WAITING: usize = 10_000;

/// The queue of this process. A child that was forked off gets another one: the lock in this one may be taken there, by a
/// thread that does not exist.
static QUEUE: LazyLock<ArcSwap<Queue>> = LazyLock::new(ArcSwap::default);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(u64, ReaderEvent)>,
    /// The readers that will report nothing more.
    ended: Vec<u64>,
    is_stopped: bool,
}

/// Reports what has happened to the reader with this number.
pub(crate) fn report(reader: u64, event: &ReaderEvent) {
    let queue = QUEUE.load_full();
    let mut waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.events.len() >= MAX_WAITING {
        waiting.events.pop_front();
    }
    waiting.events.push_back((reader, event.clone()));
    drop(waiting);
    queue.changed.notify_all();
}

/// A reader will report nothing more: after all that it has reported, `next_event` says that it is `over`.
#[pyfunction]
pub(crate) fn end_events(reader: u64) {
    let queue = QUEUE.load_full();
    queue.waiting.lock().unwrap_or_else(PoisonError::into_inner).ended.push(reader);
    queue.changed.notify_all();
}

/// In a child that was forked off: begins with an empty queue.
pub(crate) fn renew() {
    std::mem::forget(QUEUE.swap(Arc::default()));
}

/// Makes `next_event` return `None` from now on.
#[pyfunction]
pub(crate) fn stop_events() {
    let queue = QUEUE.load_full();
    queue.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_stopped = true;
    queue.changed.notify_all();
}

/// Waits for the next event: the number of its reader, what kind it is, and its fields. `None`: no more are wanted.
#[pyfunction]
pub(crate) fn next_event(py: Python<'_>) -> PyResult<Option<(u64, &'static str, Bound<'_, PyDict>)>> {
    let next = py.detach(|| {
        let queue = QUEUE.load_full();
        let mut waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if waiting.is_stopped {
                return None;
            }
            if let Some((reader, event)) = waiting.events.pop_front() {
                return Some((reader, Some(event)));
            }
            if let Some(reader) = waiting.ended.pop() {
                return Some((reader, None));
            }
            waiting = queue.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    });
    let Some((reader, event)) = next else { return Ok(None) };
    let fields = PyDict::new(py);
    let Some(event) = event else { return Ok(Some((reader, "over", fields))) };
    let kind = fill(&event, &fields)?;
    fields.set_item("status", event.kiwi_cache_status())?;
    Ok(Some((reader, kind, fields)))
}

fn fill(event: &ReaderEvent, fields: &Bound<'_, PyDict>) -> PyResult<&'static str> {
    let took = |took: &Duration| fields.set_item("took", took.as_secs_f64());
    let failed = |error: &kiwi_cache::Error| fields.set_item("error", exception(error).value(fields.py()));
    match event {
        ReaderEvent::Reloaded { id, seq, entries, loaded, took: time, .. } => {
            fields.set_item("id", id.to_string())?;
            fields.set_item("seq", seq)?;
            fields.set_item("entries", entries)?;
            fields.set_item("whole", *loaded == Loaded::Whole)?;
            took(time)?;
            Ok("reloaded")
        }
        ReaderEvent::Unchanged { took: time, .. } => took(time).map(|()| "unchanged"),
        ReaderEvent::PutOff { id, took: time, .. } => {
            fields.set_item("id", id.to_string())?;
            took(time).map(|()| "put_off")
        }
        ReaderEvent::Failed { error, .. } => failed(error).map(|()| "failed"),
        ReaderEvent::Refilled { took: time, .. } => took(time).map(|()| "refilled"),
        ReaderEvent::RefillFailed { error, took: time, .. } => {
            took(time)?;
            failed(error).map(|()| "refill_failed")
        }
        _ => Ok("other"),
    }
}
