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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::runtime::Builder;

    use crate::{Embedded, Name, Reading};

    #[test]
    fn blocked_threads_of_the_program_do_not_stop_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let program = Builder::new_current_thread().max_blocking_threads(1).enable_time().build().unwrap();
        let (end, ended) = mpsc::channel::<()>();
        program.block_on(async {
            let blocked = tokio::task::spawn_blocking(move || ended.recv());
            let store = Embedded::open(dir.path()).unwrap();
            let cache: Name = "airlines".parse().unwrap();
            tokio::time::timeout(Duration::from_secs(20), store.status(&cache)).await.expect("it answers").unwrap();
            drop(end);
            blocked.await.unwrap().unwrap_err();
        });
    }

    #[tokio::test]
    async fn work_runs_to_its_end_after_its_store_is_gone() {
        let threads = std::sync::Arc::new(super::Threads::new().unwrap());
        let (begin, begun) = mpsc::channel::<()>();
        let (end, ended) = tokio::sync::oneshot::channel();
        drop(threads.spawn(move || {
            let _ = begun.recv();
            let _ = end.send(());
        }));
        drop(threads);
        begin.send(()).unwrap();
        ended.await.expect("the work has ended");
    }
}
