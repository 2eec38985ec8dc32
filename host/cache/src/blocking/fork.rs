//! What a program that forks needs: its children have the memory of a reader, but none of its threads.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use super::cache::Cache;
use crate::builder::Builder;
use crate::stored::{Stored, Value};

/// Keeps the background thread of a [`Cache`] still: what [`Cache::pause`] returns.
#[derive(Debug)]
#[must_use = "the thread goes on when this is dropped"]
pub struct Pause {
    /// The thread waits for its end.
    _resume: Sender<()>,
}

impl<V: Value + ?Sized> Cache<V> {
    /// Waits until no load is in flight, and keeps the background thread still until the [`Pause`] is dropped: for a
    /// program that is about to fork. `None`: there is no thread, or a load took longer than `timeout`.
    ///
    /// A child must not use the cache again, nor drop it: it has none of its threads. It makes a new one, with
    /// [`Builder::taking_over`], and forgets this one ([`std::mem::forget`]).
    pub fn pause(&self, timeout: Duration) -> Option<Pause> {
        let (paused, is_paused) = mpsc::channel();
        let (resume, resumed) = mpsc::channel();
        self.run_quietly(move || {
            if paused.send(()).is_ok() {
                // An error, when the `Pause` is dropped.
                let _ = resumed.recv();
            }
        })?;
        is_paused.recv_timeout(timeout).ok().map(|()| Pause { _resume: resume })
    }
}

impl<V: Stored + ?Sized> Builder<Cache<V>> {
    /// Lets [`connect`](Self::connect) begin with what another cache holds, as fresh or stale as it is there. It then
    /// returns without asking the store, which is polled right after that.
    pub fn taking_over(self, other: &Cache<V>) -> Self {
        self.holding(other.held().as_ref().map(Arc::clone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    fn builder(dir: &std::path::Path) -> Builder<Cache<u64>> {
        Cache::builder("airlines").store(format!("file:{}", dir.display()))
    }

    #[test]
    fn a_paused_thread_runs_nothing_until_it_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let airlines = builder(dir.path()).start_missing().connect().unwrap();
        let pause = airlines.pause(Duration::from_secs(60)).expect("no load is in flight");
        let reloading = std::thread::spawn({
            let airlines = airlines.clone();
            move || airlines.reload()
        });
        // Another pause needs the thread.
        assert!(airlines.pause(Duration::from_millis(20)).is_none());
        assert!(!reloading.is_finished());
        drop(pause);
        assert!(reloading.join().unwrap().unwrap_err().is_missing());
        assert!(Cache::fixed([("FR", 1)]).pause(Duration::from_secs(60)).is_none(), "it has no thread");
    }

    #[test]
    fn a_cache_that_takes_over_begins_with_what_the_other_holds() {
        let dir = tempfile::tempdir().unwrap();
        let held = Cache::fixed([("FR", 1_u64)]);
        let airlines = builder(dir.path()).taking_over(&held).connect().unwrap();
        assert_eq!((airlines.id(), *airlines.get("FR").unwrap().unwrap()), (held.id(), 1));
        assert_eq!(airlines.state(), State::Fresh);
        // It is polled: the store has nothing.
        assert!(airlines.reload().unwrap_err().is_missing());
        assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);
    }
}
