//! The readers, against real stores.

mod away;
mod blocking;
mod changes;
mod copies;
mod follow;
mod json_text;
mod log;
mod many;
mod metrics;
mod missing;
mod missing_hook;
mod place;
mod publisher;
mod push;
mod pushed_deltas;
mod read_through;
#[path = "../../../store/tests/support/redis_server.rs"]
mod redis_server;
mod remote;
mod resilience;
mod single_flight;
mod source;
mod spread;
mod torn;
mod typed;

use std::future::Future;
use std::time::{Duration, Instant};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(300);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(50);

/// Makes two tests of each case, which is a function of a place: one on Redis, one on the embedded store.
macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::redis_server::RedisServer::start()).await;
            })*
        }

        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::place::Directory::new()).await;
            })*
        }
    };
}
use on_both_stores;

/// Polls until it is so.
///
/// # Panics
/// After half a minute.
async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
