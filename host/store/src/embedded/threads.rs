//! Threads that wait for the disk. They are the store's own: whatever else in this program blocks (a file that hangs)
//! must not keep caches from being published.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Threads that may block: a tokio runtime that nothing drives, for its pool of blocking threads.
#[derive(Debug)]
pub(super) struct Threads {
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts no thread yet.
    ///
    /// # Errors
    /// The system refuses what a runtime needs.
    pub(super) fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().thread_name("kiwi-store").build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs work on one of the threads, to its end even if the handle is dropped.
    pub(super) fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        // The work keeps its threads, so that it is not dropped with the store while it waits for its turn.
        let threads = Arc::clone(self);
        let runtime = self.runtime.as_ref().expect("it is taken only when this is dropped");
        runtime.handle().spawn_blocking(move || {
            let done = work();
            drop(threads);
            done
        })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its threads is not allowed where this may be dropped: in async code, or on one of them.
            runtime.shutdown_background();
        }
    }
}
