//! Keeps a local copy up to date: looks at the store every `reload_ttl`, and loads what is new.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tracing::{debug, info, warn};

use super::KeptText;
use super::builder::{Settings, Without};
use super::entries::Entries;
use super::follow::follow;
use super::freshness::{Seen, State};
use super::load::{self, Failure, Keep};
use super::local::{Held, Local};
use super::missing::Hook;
use super::snapshot::Snapshot;
use kiwi_store::Store;
use kiwi_store::{Error, Head, Id, Name, Presence, Result};

/// How often a reader that holds nothing looks for a first snapshot, if not more often anyway.
const FIRST_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What keeps one local copy up to date. There is one for each copy, so it alone replaces it.
pub(super) struct Reload<V> {
    store: Arc<dyn Store>,
    local: Arc<Local<V>>,
    settings: Settings,
    missing: Option<Hook<V>>,
    text: Option<Arc<KeptText>>,
    /// The snapshot whose values are not of the reader's type, and what was wrong with it.
    refused: Option<(Id, Error)>,
    /// What was logged last: the state, and the snapshot that was refused.
    logged: (State, Option<Id>),
}

impl<V: DeserializeOwned> Reload<V> {
    pub(super) fn new(
        store: Arc<dyn Store>,
        cache: Name,
        settings: Settings,
        missing: Option<Hook<V>>,
        text: Option<Arc<KeptText>>,
    ) -> Self {
        let local = Arc::new(Local::new(cache, settings.reload_ttl));
        Self { store, local, settings, missing, text, refused: None, logged: (State::Missing, None) }
    }

    pub(super) fn local(&self) -> &Arc<Local<V>> {
        &self.local
    }

    /// Loads the first snapshot, as the settings say.
    pub(super) async fn first(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            let outcome = self.look().await;
            let left = self.settings.wait.saturating_sub(started.elapsed());
            let may_come = outcome.as_ref().is_err_and(|error| error.is_missing() || error.is_unavailable());
            let waits = may_come && !left.is_zero();
            if !waits && outcome.is_err() && self.settings.without == Without::Fail {
                return outcome;
            }
            self.note(&outcome);
            if !waits {
                return Ok(());
            }
            tokio::time::sleep(left.min(self.first_look_interval())).await;
        }
    }

    /// When to look again: jittered, so that a thousand readers started together do not look together.
    pub(super) fn interval(&self) -> Duration {
        let interval = match self.local.state() {
            State::Missing => self.first_look_interval(),
            State::Fresh | State::Stale => self.settings.reload_ttl,
        };
        jittered(interval, random())
    }

    /// Looks at the store, and loads its snapshot if it is another one than ours.
    pub(super) async fn reload(&mut self) -> Result<()> {
        let outcome = self.look().await;
        self.note(&outcome);
        outcome
    }

    async fn look(&mut self) -> Result<()> {
        // Before asking: a slow answer must not make the copy look younger.
        let at = Instant::now();
        let status = self.store.status(&self.local.cache).await?;
        let held = self.local.look(|held| (Arc::clone(&held.snapshot), held.seen.clone()));
        let published = status.presence.id();
        if let Some((snapshot, seen)) = held {
            let is_same = published == Some(snapshot.id());
            let seen = match status.presence.whole() {
                Some(head) if is_same => {
                    self.text.iter().for_each(|text| text.see(head));
                    Seen::new(head, status.now, at)
                }
                _ => seen.store_only(status.now, at),
            };
            self.local.hold(Held { snapshot, seen });
            if is_same {
                return Ok(());
            }
        }
        let Some(published) = published else {
            return Err(load::absent(&*self.store, &self.local.cache, &status.presence));
        };
        if let Some((id, error)) = &self.refused
            && *id == published
        {
            return Err(error.clone());
        }
        match self.load(&status.presence).await {
            Ok((head, entries)) => {
                let cache = self.local.cache.clone();
                let snapshot = Arc::new(Snapshot::new(cache, &head, entries, self.missing.clone()));
                self.local.hold(Held { snapshot, seen: Seen::new(&head, status.now, at) });
                self.refused = None;
                Ok(())
            }
            Err(Failure::Refused(id, error)) => {
                self.refused = Some((id, error.clone()));
                Err(error)
            }
            Err(Failure::Failed(error)) => Err(error),
        }
    }

    /// What is published, by what leads there from the copy, or else whole.
    async fn load(&self, seen: &Presence) -> Result<(Head, Entries<V>), Failure> {
        let (store, cache) = (&*self.store, &self.local.cache);
        if let Some(text) = &self.text {
            let loaded = load::load(&self.store, cache, seen, Keep::Text).await?;
            text.keep(&loaded.head, loaded.text);
            return Ok((loaded.head, loaded.entries));
        }
        if let Some(held) = self.local.look(|held| Arc::clone(&held.snapshot))
            && let Some(followed) = follow(store, cache, &held).await?
        {
            return Ok(followed);
        }
        let loaded = load::load(&self.store, cache, seen, Keep::Values).await?;
        Ok((loaded.head, loaded.entries))
    }

    /// Keeps the outcome of a look for `last_error`, and logs what has changed by it: nothing if
    /// nothing has.
    fn note(&mut self, outcome: &Result<()>) {
        let (cache, state) = (&self.local.cache, self.local.state());
        let (last_state, last_refused) = self.logged;
        let refused = self.refused.as_ref().map(|(id, _)| *id);
        match (self.local.last_error(), outcome) {
            (Some(last), Err(error)) if last.kind() == error.kind() && refused == last_refused => {}
            // The host of this program is about to load it.
            (_, Err(error)) if error.is_missing() && self.text.is_some() => {
                debug!(%cache, "nothing to load yet: {error}")
            }
            (_, Err(error)) if state == State::Missing => warn!(%cache, "failed to load a first snapshot: {error}"),
            (_, Err(error)) => warn!(%cache, "failed to reload, what was loaded before is served on: {error}"),
            (Some(_), Ok(())) => info!(%cache, "reloading works again"),
            (None, Ok(())) => {}
        }
        match (last_state, state) {
            (State::Fresh, State::Stale) => warn!(%cache, "the copy is stale: its source was not checked in time"),
            (State::Stale, State::Fresh) => info!(%cache, "the copy is fresh again"),
            _ => {}
        }
        self.logged = (state, refused);
        self.local.set_last_error(outcome.as_ref().err().cloned());
    }

    fn first_look_interval(&self) -> Duration {
        self.settings.reload_ttl.min(FIRST_LOOK_INTERVAL)
    }
}

/// `interval` +- 10 %: `random` spans the whole of it. What is beyond any duration stays as it is.
fn jittered(interval: Duration, random: u32) -> Duration {
    let factor = 0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX);
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor).unwrap_or(interval)
}

fn random() -> u32 {
    // Without random numbers all readers look in the middle of their span: still right, only less spread.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_a_tenth() {
        let minute = Duration::from_secs(60);
        assert_eq!(jittered(minute, 0), Duration::from_secs(54));
        assert_eq!(jittered(minute, u32::MAX), Duration::from_secs(66));
        assert!(jittered(Duration::MAX, u32::MAX) >= Duration::MAX / 2, "never is late, not a panic");
    }
}
