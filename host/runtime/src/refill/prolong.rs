//! Extends the life of what is published, for as long as a host answers for it.
//!
//! Nothing newer can be had while a load runs, while it waits for its turn, or while the host backs off
//! from a source that failed, and each of these may take longer than the data's own life.

use std::convert::Infallible;

use kiwi_store::Ttl;
use tokio::time::Instant;

use super::context::Context;
use crate::events::event::CacheEvent;

/// Keeps what is published of a cache alive, for as long as this is polled. What was just committed is not
/// extended again.
pub(crate) async fn keep_alive(context: Context<'_>) -> Infallible {
    loop {
        let interval = match context.definition().timing.cache_ttl {
            // Two of these may fail before anything is lost.
            Ttl::For(cache_ttl) => cache_ttl / 4,
            Ttl::Forever => {
                prolong(context).await;
                std::future::pending().await
            }
        };
        let left = context.standing().renewed.left_of(interval);
        if left.is_zero() {
            prolong(context).await;
            tokio::time::sleep(interval).await;
        } else {
            tokio::time::sleep(left).await;
        }
    }
}

/// Gives what is published its whole life again.
pub(crate) async fn prolong(context: Context<'_>) {
    let asked = Instant::now();
    let prolonged = context.store.prolong(context.cache.name(), context.definition().timing.cache_ttl).await;
    if prolonged.is_ok() {
        context.standing().renewed.note(asked);
    }
    match context.events.store_call(prolonged) {
        Ok(published) => context.events.emit(CacheEvent::Prolonged { published }),
        Err(error) => context.events.emit(CacheEvent::ProlongFailed { error: &error }),
    }
}
