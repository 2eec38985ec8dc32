//! A host that keeps its caches warm while a test looks on.

use std::time::Duration;

use kiwi_host::Host;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A host that is running. Dropping it stops it dead; `stop` stops it as an operator would.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts to run a host, with time enough to drain.
    pub(crate) fn start(host: &Host) -> Self {
        Self::draining_for(host, Duration::from_secs(30))
    }

    /// Starts to run a host that has this long to drain.
    pub(crate) fn draining_for(host: &Host, drain_timeout: Duration) -> Self {
        let (host, shutdown) = (host.clone(), CancellationToken::new());
        let told = shutdown.clone();
        let task = tokio::spawn(async move { host.run(told.cancelled(), drain_timeout).await });
        Self { shutdown, task }
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Panics
    /// It had panicked.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.expect("the host has not panicked");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
