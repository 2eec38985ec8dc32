//! The thread behind a blocking reader: it runs a runtime of its own, in which the store's connection lives too.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc as jobs, oneshot};
use tokio::task::JoinSet;

use kiwi_store::{Error, Name, Result};

/// A thread that runs jobs, many at a time. It blocks nobody else, and ends when this is dropped. If it ends earlier, the
/// next job starts another one.
pub(super) struct Worker {
    cache: Name,
    thread: Mutex<Thread>,
}

struct Thread {
    jobs: jobs::UnboundedSender<Job>,
    /// Dropped to stop the thread, even in the middle of a job.
    stop: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Worker {
    pub(super) fn start(cache: &Name) -> Result<Self> {
        Ok(Self { cache: cache.clone(), thread: Mutex::new(Thread::start(cache)?) })
    }

    /// Runs a job on the thread, and blocks until it ends.
    pub(super) fn run<T: Send + 'static>(&self, job: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let (reply, outcome) = mpsc::channel();
        self.send(Box::pin(async move {
            // The receiver waits below.
            let _ = reply.send(job.await);
        }))?;
        // If the thread ends, the job is dropped, and its reply with it.
        outcome.recv().unwrap_or_else(|mpsc::RecvError| Err(ended(&self.cache)))
    }

    /// Runs a job on the thread, and does not wait for it.
    pub(super) fn start_job(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Where no thread can be started now, the next job tries it again.
        let _ = self.send(Box::pin(job));
    }

    fn send(&self, job: Job) -> Result<()> {
        // A poisoned lock is fine here: at worst the thread in it has ended, and is replaced.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.jobs.is_closed() {
            *thread = Thread::start(&self.cache)?;
        }
        thread.jobs.send(job).map_err(|_| ended(&self.cache))
    }
}

impl Thread {
    fn start(cache: &Name) -> Result<Self> {
        let (jobs, inbox) = jobs::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let failed = |error| Error::unavailable("failed to start the thread of the reader").because(error).of(cache);
        let handle = std::thread::Builder::new().name("kiwi-reader".to_owned());
        let handle = handle.spawn(move || run(inbox, stopped, &started)).map_err(failed)?;
        let thread = Self { jobs, stop: Some(stop), handle: Some(handle) };
        match start.recv() {
            Ok(outcome) => outcome.map(|()| thread).map_err(failed),
            Err(mpsc::RecvError) => Err(ended(cache)),
        }
    }
}

fn ended(cache: &Name) -> Error {
    let message = "the thread of the reader, or its work, has panicked: see its message on stderr; the next call starts \
                   it again";
    Error::unavailable(message).of(cache)
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(handle) = self.handle.take() {
            // The thread itself has reported a panic.
            let _ = handle.join();
        }
    }
}

fn run(
    inbox: jobs::UnboundedReceiver<Job>,
    stopped: oneshot::Receiver<()>,
    started: &mpsc::Sender<std::io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // `start` waits for it.
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = serve(inbox) => {}
        }
    });
    // A host name that is still being resolved must not delay the drop that waits for this thread.
    runtime.shutdown_background();
}

/// Runs jobs until there can be no more of them. No job waits for another.
async fn serve(mut inbox: jobs::UnboundedReceiver<Job>) {
    let mut running = JoinSet::new();
    while let Some(job) = inbox.recv().await {
        // The set must not grow by jobs that have ended. The thread has reported those that panicked.
        while running.try_join_next().is_some() {}
        running.spawn(job);
    }
}

#[cfg(test)]
impl Worker {
    /// Ends the thread, as a bug would, and waits until it has ended.
    pub(super) fn end_thread(&self) {
        let mut thread = self.thread.lock().unwrap();
        drop(thread.stop.take());
        if let Some(handle) = thread.handle.take() {
            handle.join().unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_ended_is_started_again_by_the_next_job() {
        let worker = Worker::start(&"airlines".parse().unwrap()).unwrap();
        let thread = || worker.run(async { Ok(std::thread::current().id()) }).unwrap();
        let first = thread();
        assert_eq!(thread(), first);
        worker.end_thread();
        assert_ne!(thread(), first);

        let panicked = worker.run::<()>(async { panic!("a job's bug") }).unwrap_err();
        assert!(panicked.is_unavailable() && panicked.to_string().contains("panicked"), "{panicked}");
        thread();
    }
}
