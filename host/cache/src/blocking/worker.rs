//! The thread behind a blocking reader: it runs a runtime of its own, in which the store's connection lives too.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc as jobs, oneshot};
use tokio::task::JoinSet;

use kiwi_store::{Error, Name, Result};

/// A thread that runs jobs, many at a time. It blocks nobody else, and ends when this is dropped.
pub(super) struct Worker {
    cache: Name,
    jobs: jobs::UnboundedSender<Job>,
    /// Dropped to stop the thread, even in the middle of a job.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Worker {
    pub(super) fn start(cache: &Name) -> Result<Self> {
        let (jobs, inbox) = jobs::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let failed = |error| Error::unavailable("failed to start the thread of the reader").because(error).of(cache);
        let thread = std::thread::Builder::new().name("kiwi-reader".to_owned());
        let thread = thread.spawn(move || run(inbox, stopped, &started)).map_err(failed)?;
        let worker = Self { cache: cache.clone(), jobs, stop: Some(stop), thread: Some(thread) };
        match start.recv() {
            Ok(outcome) => outcome.map(|()| worker).map_err(failed),
            Err(mpsc::RecvError) => Err(worker.panicked()),
        }
    }

    /// Runs a job on the thread, and blocks until it ends.
    pub(super) fn run<T: Send + 'static>(&self, job: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let (reply, outcome) = mpsc::channel();
        let job = async move {
            // The receiver waits below.
            let _ = reply.send(job.await);
        };
        // If the thread has ended, the job is dropped, and its reply with it.
        let _ = self.jobs.send(Box::pin(job));
        outcome.recv().unwrap_or_else(|mpsc::RecvError| Err(self.panicked()))
    }

    fn panicked(&self) -> Error {
        Error::unavailable("the thread of the reader has panicked: see its message on stderr, and connect again")
            .of(&self.cache)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread itself has reported a panic, such as that of a `Deserialize`.
            let _ = thread.join();
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
