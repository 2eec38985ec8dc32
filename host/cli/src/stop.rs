//! Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once.

use anyhow::{Context, Result};
use kiwi_host::CancellationToken;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// Runs `work` to its end. The first signal is told through `stop`; at the second, `work` is dropped.
pub(crate) async fn run_until_stopped(stop: &CancellationToken, work: impl Future<Output = Exit>) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let two_signals = async {
        signals.next().await;
        tracing::warn!("stopping in good order; Ctrl-C again ends at once");
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
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
