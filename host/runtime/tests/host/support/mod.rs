//! What the tests of the host share: components, a store of their own, and patience.

mod attack;
mod guests;
mod log;
mod proxy;
mod running;
mod server;
mod setup;
mod tls_server;
mod token_server;

use std::time::{Duration, Instant};

use kiwi_host::{Failure, FailureKind};

pub(crate) use attack::{attack, loaded};
pub(crate) use guests::{guest, plugin, repository};
pub(crate) use log::log_of;
pub(crate) use proxy::TestProxy;
pub(crate) use running::Running;
pub(crate) use server::{Body, Gate, Server, answer, endless, later, raw_server, trickle};
pub(crate) use setup::{Setup, cache, every, fetched, name, refill};
pub(crate) use tls_server::{TlsServer, private_ca};
pub(crate) use token_server::{Answer as TokenAnswer, TokenServer};

/// Polls until it is so.
///
/// # Panics
/// After half a minute.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The failure must be of this kind, and its message must hold all these words.
#[track_caller]
pub(crate) fn assert_failure(failure: &Failure, kind: FailureKind, says: &[&str]) {
    assert_eq!(failure.kind, kind, "{failure}\n{}", failure.detail.as_deref().unwrap_or_default());
    for word in says {
        assert!(failure.message.contains(word), "expected `{word}` in: {failure}");
    }
}
