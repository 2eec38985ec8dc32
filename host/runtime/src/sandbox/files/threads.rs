//! The threads on which one cache waits for its files. A thread that waits for a file system cannot be interrupted, so
//! the load that began it ends without it; how many such threads a cache may leave behind is bounded here.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::config::grants::Grants;
use crate::failure::{Failure, FailureKind};

/// Threads of one load: it reads one file after the other, and sometimes two at once.
const THREADS: usize = 2;
/// After so many loads that hang, no other is begun.
const MAX_HANGING: usize = 3;
/// How long the threads of earlier loads may take to end, if they do not hang.
const PATIENCE: Duration = Duration::from_millis(100);

/// What earlier loads of one cache have left behind.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct FileThreads {
    ended: Mutex<Vec<Arc<Work>>>,
}

/// What one load does with files.
#[derive(Debug, Default)]
struct Work {
    /// Its threads that have not ended.
    threads: AtomicUsize,
    /// Its operations that have not ended.
    operations: AtomicUsize,
    /// The path that it used last.
    path: Mutex<String>,
}

impl FileThreads {
    /// Threads for one load, if it may read files.
    ///
    /// # Errors
    /// Too many earlier loads still hang in a file operation (`Unavailable`).
    pub(in crate::sandbox) async fn begin(self: &Arc<Self>, grants: &Grants) -> Result<Option<LoadThreads>, Failure> {
        if grants.dirs.is_empty() && grants.files.is_empty() {
            return Ok(None);
        }
        if self.hanging().len() >= MAX_HANGING {
            tokio::time::sleep(PATIENCE).await;
        }
        let hanging = self.hanging();
        if hanging.len() >= MAX_HANGING {
            let path = hanging.last().map(|work| lock(&work.path).clone()).unwrap_or_default();
            let message = format!(
                "{} earlier loads still wait for a file, the last of them for `{path}`, so no other load is begun: the file \
                 system does not answer (a network file system whose server is away?); this cache is loaded again as soon as \
                 one of them gets an answer. If the file system works again and they still wait, restart the host",
                hanging.len()
            );
            return Err(Failure::new(FailureKind::Unavailable, message));
        }
        LoadThreads::new(Arc::clone(self)).map(Some).map_err(|error| {
            let message = format!("no thread can be started for the files of this load: {error}");
            Failure::new(FailureKind::Unavailable, message)
        })
    }

    /// The path that the load which ended last waits for, if it does.
    pub(in crate::sandbox) fn waits_for(&self) -> Option<String> {
        let last = self.hanging().pop()?;
        (last.operations.load(Ordering::Acquire) > 0).then(|| lock(&last.path).clone())
    }

    /// The loads that have ended, but whose threads have not.
    fn hanging(&self) -> Vec<Arc<Work>> {
        let mut ended = lock(&self.ended);
        ended.retain(|work| work.threads.load(Ordering::Acquire) > 0);
        ended.clone()
    }
}

/// The threads of one load. wasmtime-wasi starts blocking work on the tokio runtime that it is polled in, so this
/// is one: nothing drives it, and it has no threads but those for blocking work.
pub(in crate::sandbox) struct LoadThreads {
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
    operations: Operations,
    cache: Arc<FileThreads>,
}

impl LoadThreads {
    fn new(cache: Arc<FileThreads>) -> std::io::Result<Self> {
        let work = Arc::<Work>::default();
        let (begun, ended) = (Arc::clone(&work), Arc::clone(&work));
        let runtime = Builder::new_current_thread()
            .thread_name("kiwi-files")
            .max_blocking_threads(THREADS)
            .on_thread_start(move || {
                begun.threads.fetch_add(1, Ordering::AcqRel);
            })
            .on_thread_stop(move || {
                ended.threads.fetch_sub(1, Ordering::AcqRel);
            })
            .build()?;
        let operations = Operations { handle: Some(runtime.handle().clone()), work };
        Ok(Self { runtime: Some(runtime), operations, cache })
    }

    pub(super) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Runs work that may block. `None` if it panicked.
    pub(super) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let spawned = self.operations.enter(|| tokio::task::spawn_blocking(work));
        // Work that panicked has no result.
        self.operations.run(spawned).await.ok()
    }
}

impl Drop for LoadThreads {
    fn drop(&mut self) {
        lock(&self.cache.ended).push(Arc::clone(&self.operations.work));
        if let Some(runtime) = self.runtime.take() {
            // Idle threads end now. One that hangs ends when it gets an answer.
            runtime.shutdown_background();
        }
    }
}

/// Runs file operations on the threads of a load. The default is for a guest that was granted no files.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations {
    handle: Option<Handle>,
    work: Arc<Work>,
}

impl Operations {
    /// Notes which path is used next.
    pub(super) fn at(&self, path: &str) {
        path.clone_into(&mut lock(&self.work.path));
    }

    /// Runs an operation to its end. One that is dropped before its end still counts: its thread waits on.
    pub(super) async fn run<T>(&self, operation: impl Future<Output = T>) -> T {
        self.work.operations.fetch_add(1, Ordering::AcqRel);
        let done = self.poll(operation).await;
        self.work.operations.fetch_sub(1, Ordering::AcqRel);
        done
    }

    /// Runs an operation that its caller may leave and come back to: it does not count.
    pub(super) async fn poll<T>(&self, operation: impl Future<Output = T>) -> T {
        let mut operation = pin!(operation);
        poll_fn(|context| self.enter(|| operation.as_mut().poll(context))).await
    }

    /// Runs a step that may start blocking work.
    pub(super) fn enter<T>(&self, step: impl FnOnce() -> T) -> T {
        let _entered = self.handle.as_ref().map(Handle::enter);
        step()
    }

    /// The path of an operation that has not ended, if there is one.
    pub(super) fn waits_for(&self) -> Option<String> {
        (self.work.operations.load(Ordering::Acquire) > 0).then(|| lock(&self.work.path).clone())
    }
}

/// A poisoned lock is fine here: each critical section is one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;
    use crate::config::file_grants::DirGrant;

    async fn begin(cache: &Arc<FileThreads>) -> Result<LoadThreads, Failure> {
        let grants = Grants { dirs: vec![DirGrant::new("data", Path::new("/srv"))], ..Grants::default() };
        cache.begin(&grants).await.map(|threads| threads.expect("it may read files"))
    }

    /// A load whose file operation hangs until the sender is dropped.
    async fn hang(cache: &Arc<FileThreads>) -> Result<mpsc::Sender<()>, Failure> {
        let load = begin(cache).await?;
        let (end, ended) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        load.operations().at("data/a.csv");
        tokio::select! {
            _ = load.blocking(move || (begin.send(()), ended.recv())) => panic!("it hangs"),
            begun = begun => begun.unwrap(),
        }
        assert_eq!(load.operations().waits_for().as_deref(), Some("data/a.csv"));
        Ok(end)
    }

    #[tokio::test]
    async fn loads_that_hang_are_bounded_and_counted() {
        let cache = Arc::<FileThreads>::default();
        let mut hanging = Vec::new();
        for _ in 0..MAX_HANGING {
            hanging.push(hang(&cache).await.unwrap());
        }
        for _ in 0..2 {
            let refused = hang(&cache).await.unwrap_err();
            assert_eq!(refused.kind, FailureKind::Unavailable);
            assert!(refused.message.starts_with("3 earlier loads") && refused.message.contains("data/a.csv"));
        }
        // One that gets its answer makes room for another.
        hanging.pop();
        let began = std::time::Instant::now();
        while cache.hanging().len() >= MAX_HANGING {
            assert!(began.elapsed() < Duration::from_secs(10), "its thread has not ended");
            tokio::task::yield_now().await;
        }
        hang(&cache).await.unwrap();
    }

    #[tokio::test]
    async fn a_load_that_ends_leaves_no_thread() {
        let cache = Arc::<FileThreads>::default();
        for _ in 0..100 {
            let load = begin(&cache).await.unwrap();
            assert_eq!(load.blocking(|| 1).await, Some(1));
            assert_eq!(load.operations().waits_for(), None);
        }
    }
}
