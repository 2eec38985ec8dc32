//! Ctrl-C and SIGTERM: the first one shuts down, the second one stops immediately.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Runs `work` to its end. The first signal cancels `stop`; the second one drops `work`.
pub(crate) async fn run_until_stopped(stop: &CancellationToken, work: impl Future<Output = Exit>) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let two_signals = async {
        signals.next().await;
        tracing::warn!("shutting down; press Ctrl-C again to stop immediately");
        stop.cancel();
        signals.next().await;
    };
    tokio::select! {
        exit = work => Ok(exit),
        () = two_signals => Ok(Exit::Interrupted),
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
