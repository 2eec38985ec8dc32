//! Loads a cache now: for people, and for readers that find nothing.

use std::time::Duration;

use kiwi_store::{Due, LastError, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::caches::Entry;
use super::shared::Supervisor;
use crate::definition::cache::Cache;
use crate::events::event::CacheEvent;
use crate::events::outcome::Outcome;
use crate::failure::{Failure, FailureKind};
use crate::refill::context::Context;
use crate::refill::prolong::keep_alive;

/// How often to look whether another host has finished.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

impl Supervisor {
    /// Loads a cache now, however fresh it is, until `stop` is cancelled. What is published stays alive
    /// meanwhile.
    pub(crate) async fn refill_now(&self, cache: &Cache, stop: &CancellationToken) -> Outcome {
        let caches = self.caches();
        tokio::select! {
            outcome = self.refill_once(&*caches.store, cache, Due::Always, stop) => outcome,
            never = keep_alive(self.context(&*caches.store, cache)) => match never {},
        }
    }

    /// Loads a cache if it is due, as one that is missing is, unless its source is to be left alone.
    /// Abandoned when the cache is removed or gets another definition.
    pub(crate) async fn refill_due(&self, entry: &Entry) -> Outcome {
        let due = Due::After(entry.cache.definition.timing.refill_interval);
        self.refill_once(&*self.caches().store, &entry.cache, due, &entry.replaced).await
    }

    async fn refill_once(&self, store: &dyn Store, cache: &Cache, when: Due, stop: &CancellationToken) -> Outcome {
        let (asked, shares_source) = (Instant::now(), cache.definition.shares_source());
        let (mut due, mut has_waited) = (when, false);
        loop {
            let attempt = {
                let turn = stop.run_until_cancelled(self.turn(cache)).await;
                let Some(turn) = turn else { return Outcome::Abandoned };
                self.attempt(store, cache, due, &turn, stop).await
            };
            match attempt.outcome {
                Outcome::Busy { left } if due == Due::Always && !has_waited => {
                    has_waited = true;
                    let holder = store.status(cache.name()).await.ok().and_then(|status| status.holder);
                    let holder = holder.as_deref();
                    self.events.of(&cache.definition.label).emit(CacheEvent::WaitingForOtherHost { holder, left });
                }
                Outcome::Busy { .. } => {}
                // The host that was loading has failed since.
                Outcome::Backoff { left } if when == Due::Always => {
                    let context = self.context(store, cache);
                    return failure_elsewhere(context).await.unwrap_or(Outcome::Backoff { left });
                }
                outcome => {
                    self.tell(cache, &outcome, None);
                    return outcome;
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await.is_none() {
                return Outcome::Abandoned;
            }
            if when == Due::Always && shares_source {
                // What the other host publishes is as new as what was asked for.
                due = Due::After(asked.elapsed());
            }
        }
    }
}

/// What another host's load of a cache has failed with, if that is known.
async fn failure_elsewhere(context: Context<'_>) -> Option<Outcome> {
    let status = match context.store_call(context.store.status(context.cache.name()).await) {
        Ok(status) => status,
        Err(failure) => return Some(Outcome::Failed(failure)),
    };
    let own = status.failing.iter().find(|failing| failing.definition == context.definition().id);
    let LastError { kind, message, .. } = own.map(|failing| &failing.last).or(status.last_error())?;
    let message = format!("another host's load failed ({kind}): {message}");
    Some(Outcome::Failed(Failure::new(FailureKind::Other, message)))
}
