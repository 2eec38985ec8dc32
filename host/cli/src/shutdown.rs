//! Signals: the first one shuts down, the second one stops immediately.
//!
//! They are heard from the first moment on, because a process that is number 1, as in a container, is not ended by a
//! signal that it does not listen for, and because one that is ended by the system keeps its leases.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// How many signals to shut down have come: they concern the whole process.
static RECEIVED: LazyLock<watch::Sender<u32>> = LazyLock::new(watch::Sender::default);

/// The signals to shut down: Ctrl-C, `kill`, a terminal that is closed, and Ctrl-\.
const SHUTDOWN: [SignalKind; 4] =
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];

/// Those that would end a process that does not listen, and mean nothing here.
const IGNORED: [SignalKind; 2] = [SignalKind::user_defined1(), SignalKind::user_defined2()];

/// Begins to listen, as long as the runtime is there.
pub(crate) fn listen() -> Result<()> {
    for kind in SHUTDOWN {
        let mut signals = signal(kind).context("could not listen for signals")?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                RECEIVED.send_modify(|received| *received += 1);
            }
        });
    }
    for kind in IGNORED {
        let mut signals = signal(kind).context("could not listen for signals")?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                tracing::info!("ignoring signal {}: kiwi-host has no use for it", kind.as_raw_value());
            }
        });
    }
    Ok(())
}

/// Waits until this many signals to shut down have come.
pub(crate) async fn received(times: u32) {
    // The sender is never dropped.
    let _ = RECEIVED.subscribe().wait_for(|received| *received >= times).await;
}

/// Runs `work` to its end. The first signal cancels `stop`; the second one drops `work`.
pub(crate) async fn run_until_stopped(stop: &CancellationToken, work: impl Future<Output = Exit>) -> Result<Exit> {
    let two_signals = async {
        received(1).await;
        tracing::warn!("shutting down; press Ctrl-C again to stop immediately");
        stop.cancel();
        received(2).await;
    };
    tokio::select! {
        exit = work => Ok(exit),
        () = two_signals => Ok(Exit::Interrupted),
    }
}
