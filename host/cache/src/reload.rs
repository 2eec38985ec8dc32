//! Keeps a local copy up to date: polls the store every `reload_ttl`, and loads what is new.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::copies::Copies;
use crate::deltas::{self, changed_keys, follow};
use crate::entries::Entries;
use crate::failure::{LoadFailure, no_data};
use crate::freshness::{Seen, State};
use crate::held::Held;
use crate::hints::Hints;
use crate::local::Local;
use crate::metrics::{Loaded, ReaderEvent};
use crate::polling::{Polling, random};
use crate::retired::Retired;
use crate::settings::{ReloadSettings, WithoutSnapshot};
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::spread;
use crate::stored::{Stored, Value};
use kiwi_store::{Announced, Changes, Error, Head, Id, Presence, Pushed, Result};

/// What keeps one local copy up to date. Each copy has one of these, and nothing else replaces the copy.
pub(crate) struct Reload<V: Stored + ?Sized> {
    pub(crate) source: Source,
    pub(crate) local: Arc<Local<V>>,
    pub(crate) settings: ReloadSettings<V>,
    /// The snapshot with a value that is not of the reader's type, and which value that is.
    refused: Option<(Id, Error)>,
    /// What was last logged: the state, and the snapshot that was refused.
    logged: (State, Option<Id>),
    polling: Polling,
    /// When the whole load is due that a hint has called for.
    pub(crate) whole_due: Option<Instant>,
    retired: Retired,
    pub(crate) copies: Option<Copies>,
}

/// What calls for a poll.
#[derive(Clone, Debug, PartialEq)]
enum CalledBy {
    /// A hint, which all readers hear at the same moment: this announcement, or one without a snapshot.
    Hint(Option<Arc<Announced>>),
    /// The time, or the service.
    Other,
}

/// What was loaded: by these changes, or else the whole map.
pub(crate) struct Load<V: Stored + ?Sized> {
    pub(crate) head: Head,
    pub(crate) entries: Entries<V>,
    pub(crate) changes: Option<Arc<Changes>>,
}

impl<V: Value + ?Sized> Reload<V> {
    pub(crate) fn new(source: Source, mut settings: ReloadSettings<V>, copies: Option<Copies>) -> Self {
        let local = Arc::new(Local::new(source.name.clone(), settings.reload_ttl));
        if let Some(Held { snapshot, seen }) = settings.held.take().as_deref() {
            local.hold(Held { snapshot: Arc::clone(snapshot), seen: seen.clone() });
        }
        let (polling, logged) = (Polling::new(settings.reload_ttl), (State::Missing, None));
        Self {
            source,
            local,
            settings,
            refused: None,
            logged,
            polling,
            whole_due: None,
            retired: Retired::default(),
            copies,
        }
    }

    pub(crate) fn local(&self) -> &Arc<Local<V>> {
        &self.local
    }

    /// Loads the first snapshot, and waits for it as long as the settings allow. If one is held already, the first poll is
    /// due at once, and nobody waits for it.
    pub(crate) async fn load_first(&mut self, hints: &mut Hints) -> Result<()> {
        if self.settings.takes_over {
            return Ok(());
        }
        let started = Instant::now();
        self.hold_copy().await;
        loop {
            hints.answer();
            let outcome = self.poll(CalledBy::Other).await;
            hints.answered();
            let left = self.settings.wait_for.saturating_sub(started.elapsed());
            let may_come = outcome.as_ref().is_err_and(|error| error.is_missing() || error.is_unavailable());
            let waits = may_come && !left.is_zero() && self.local.is_missing();
            let is_needed = self.settings.without_snapshot == WithoutSnapshot::Fail && self.local.is_missing();
            if !waits && outcome.is_err() && is_needed {
                return outcome;
            }
            self.report(&outcome);
            if !waits {
                return Ok(());
            }
            let deadline = Instant::now() + left.min(self.polling.first_interval());
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                _ = hints.next(|_| false, |_| false) => {}
            }
        }
    }

    /// When the next poll is due, if nothing calls for an earlier one.
    pub(crate) fn next_poll(&self) -> Instant {
        self.whole_due.map_or(self.polling.next(), |due| due.min(self.polling.next()))
    }

    /// Makes the next poll due now.
    pub(crate) fn poll_soon(&mut self) {
        self.polling.poll_soon();
    }

    /// Polls the store, and loads its snapshot if it is not the one that is held.
    pub(crate) async fn reload(&mut self) -> Result<()> {
        let outcome = self.poll(CalledBy::Other).await;
        self.report(&outcome);
        outcome
    }

    /// As `reload`, because of a hint: where the whole map is to be loaded again, and is large, that is put off, and
    /// [`next_poll`](Self::next_poll) is when it is due. Nobody waits for it here: whoever reloads meanwhile loads at once.
    pub(crate) async fn reload_for_hint(&mut self, announced: Option<Arc<Announced>>) -> Result<()> {
        let outcome = self.poll(CalledBy::Hint(announced)).await;
        self.report(&outcome);
        outcome
    }

    /// Polls once. A panic, of a service's `Deserialize` or of its metrics, is a failure of this poll.
    async fn poll(&mut self, by: CalledBy) -> Result<()> {
        if by == CalledBy::Other {
            // This is the load that is due; if it fails, it is due when the next poll is.
            self.whole_due = None;
        }
        if let Ok(outcome) = AssertUnwindSafe(self.poll_and_count(by)).catch_unwind().await {
            return outcome;
        }
        let message = "the reload has panicked: see its message on stderr; the last snapshot, if any, is still served";
        let outcome = Err(Error::unavailable(message).of(&self.local.cache));
        // If it was the metrics that panicked, they may do so again.
        let report = || self.source.metrics.report_failure(&self.source.name, &outcome);
        let _ = std::panic::catch_unwind(AssertUnwindSafe(report));
        outcome
    }

    async fn poll_and_count(&mut self, by: CalledBy) -> Result<()> {
        let outcome = self.try_poll(by).await;
        match &outcome {
            Ok(event) => self.source.metrics.report(&self.source.name, event),
            Err(_) => self.source.metrics.report_failure(&self.source.name, &outcome),
        }
        outcome.map(drop)
    }

    async fn try_poll(&mut self, by: CalledBy) -> Result<ReaderEvent> {
        if let CalledBy::Hint(Some(announced)) = &by
            && let Some(event) = self.follow(announced).await?
        {
            return Ok(event);
        }
        // Taken before the request: a slow response must not make the copy look younger.
        let polled_at = Instant::now();
        let status = self.source.store.status(&self.local.cache).await?;
        let held = self.local.with_held(|held| (Arc::clone(&held.snapshot), held.seen.clone()));
        let published = status.presence.id();
        if let Some((snapshot, seen)) = held {
            let is_same = published == Some(snapshot.id());
            let seen = match status.presence.whole() {
                Some(head) if is_same => {
                    self.settings.kept_text.iter().for_each(|text| text.update_head(head));
                    Seen::new(head, status.now, polled_at)
                }
                _ if is_same => seen.store_only(status.now, polled_at).confirmed(),
                _ => seen.store_only(status.now, polled_at),
            };
            self.local.hold(Held { snapshot: Arc::clone(&snapshot), seen });
            let copy_is_due = match status.presence.whole() {
                Some(head) if is_same => self.renew_copy(&snapshot, head).await,
                _ => false,
            };
            // What is held may lie over another copy now.
            let snapshot = self.local.with_held(|held| Arc::clone(&held.snapshot)).unwrap_or(snapshot);
            // A change is delivered first, and the map that it has made too many-layered is loaded at the poll after that.
            if is_same && !copy_is_due && !snapshot.entries().has_large_overlay() {
                self.whole_due = None;
                return Ok(ReaderEvent::Unchanged { took: polled_at.elapsed() });
            }
        }
        let Some(published) = published else {
            return Err(no_data(&*self.source.store, &self.local.cache, &status.presence));
        };
        if let Some((id, error)) = &self.refused
            && *id == published
        {
            return Err(error.clone());
        }
        match self.load(&status.presence, by).await {
            Ok(None) => {
                let by = self.whole_due.map(|due| due.saturating_duration_since(Instant::now())).unwrap_or_default();
                debug!(cache = %self.local.cache, ?by, "the whole map is to be loaded, like by all other readers: put off");
                Ok(ReaderEvent::PutOff { id: published, by, took: polled_at.elapsed() })
            }
            Ok(Some(load)) => {
                let event = self.hold(load, status.now, polled_at, polled_at);
                self.write_copy().await;
                Ok(event)
            }
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// Follows the deltas from what is held to what is published, which are fetched once for all readers that hear of it.
    /// `None`: they do not lead there, and only a poll tells what to do.
    async fn follow(&mut self, announced: &Announced) -> Result<Option<ReaderEvent>> {
        let began = Instant::now();
        if self.refused.as_ref().is_some_and(|(id, _)| *id == announced.id()) {
            return Ok(None);
        }
        let Some(held) = self.held_to_change() else { return Ok(None) };
        let answer = match announced.changes(&*self.source.store, &self.local.cache, held.id()).await {
            Err(error) if deltas::are_unreadable(&error) => return Ok(None),
            answer => answer?,
        };
        let Some(changes) = answer.changes.filter(|changes| !changes.deltas.is_empty()) else { return Ok(None) };
        let (now, asked_at) = (changes.now, Instant::from_std(answer.asked_at));
        match deltas::apply(&self.local.cache, &held, &changes).await {
            Ok(None) => Ok(None),
            Ok(Some(entries)) => {
                self.whole_due = None;
                let head = changes.head.clone();
                Ok(Some(self.hold(Load { head, entries, changes: Some(changes) }, now, asked_at, began)))
            }
            Err(failure) => {
                // The store was reached, and what is held is not what it has: it grows old.
                if let Some(seen) = self.local.with_held(|held| held.seen.store_only(now, asked_at)) {
                    self.local.hold(Held { snapshot: held, seen });
                }
                Err(self.failed(failure))
            }
        }
    }

    /// What is held, if it may be changed: the text of what is kept cannot be.
    fn held_to_change(&self) -> Option<Arc<Snapshot<V>>> {
        self.local.with_held(|held| Arc::clone(&held.snapshot)).filter(|_| self.settings.kept_text.is_none())
    }

    /// Remembers a snapshot that was refused.
    fn failed(&mut self, failure: LoadFailure) -> Error {
        match failure {
            LoadFailure::Refused(id, error) => {
                self.refused = Some((id, error.clone()));
                error
            }
            LoadFailure::Failed(error) => error,
        }
    }

    /// Applies a change that came with its announcement to the snapshot that it leads on from. `false`: it does not fit
    /// what is held, and only a poll tells what to do.
    pub(crate) async fn apply(&mut self, pushed: &Pushed) -> bool {
        // A panic is one of a service's `Deserialize` or of its metrics.
        AssertUnwindSafe(self.try_apply(pushed)).catch_unwind().await.unwrap_or(false)
    }

    async fn try_apply(&mut self, pushed: &Pushed) -> bool {
        let heard_at = Instant::now();
        let Some(held) = self.held_to_change().filter(|held| held.id() == pushed.from) else { return false };
        let changes = &pushed.changes;
        let applied = deltas::apply(&self.local.cache, &held, changes).await;
        let Ok(Some(entries)) = applied else { return false };
        let load = Load { head: changes.head.clone(), entries, changes: Some(Arc::clone(changes)) };
        let event = self.hold(load, changes.now, heard_at, heard_at);
        // The next poll stays due when it was: only that proves what was heard.
        self.local.polled(None);
        self.source.metrics.report(&self.source.name, &event);
        true
    }

    /// Replaces what is held. It was the store's time when it was asked; the work began at another.
    pub(crate) fn hold(
        &mut self,
        load: Load<V>,
        store_now: SystemTime,
        asked_at: Instant,
        began: Instant,
    ) -> ReaderEvent {
        let Load { head, entries, changes } = load;
        let len = entries.len();
        let snapshot = self.snapshot(&head, entries);
        let replaced = self.local.with_held(|held| Arc::clone(&held.snapshot));
        let is_new = replaced.as_ref().is_none_or(|replaced| replaced.id() != head.id);
        self.local.hold(Held { snapshot, seen: Seen::new(&head, store_now, asked_at) });
        replaced.into_iter().for_each(|replaced| self.retired.add(replaced));
        if is_new {
            self.local
                .feed()
                .announce(head.id, head.seq, || changes.as_ref().map(|changes| changed_keys(&changes.deltas)));
        }
        self.refused = None;
        let (id, seq, loaded) = (head.id, head.seq, changes.map_or(Loaded::Whole, |_| Loaded::Deltas));
        ReaderEvent::Reloaded { id, seq, entries: len, loaded, took: began.elapsed() }
    }

    /// Holds the same snapshot in another place, if it is still held.
    pub(crate) fn hold_same(&mut self, Load { head, entries, .. }: Load<V>) {
        let held = self.local.with_held(|held| (Arc::clone(&held.snapshot), held.seen.clone()));
        let Some((replaced, seen)) = held.filter(|(snapshot, _)| snapshot.id() == head.id) else { return };
        self.local.hold(Held { snapshot: self.snapshot(&head, entries), seen });
        self.retired.add(replaced);
    }

    pub(crate) fn snapshot(&self, head: &Head, entries: Entries<V>) -> Arc<Snapshot<V>> {
        Arc::new(Snapshot::new(self.local.cache.clone(), head, entries, self.settings.missing.clone()))
    }

    /// Loads what is published: by the deltas that lead there from the copy, or else the whole map. `None`: that is put off
    /// until `whole_due`.
    async fn load(&mut self, published: &Presence, by: CalledBy) -> Result<Option<Load<V>>, LoadFailure> {
        let (store, cache) = (&*self.source.store, &self.local.cache);
        // The deltas to what was announced were asked for already, and do not lead there.
        let is_tried = matches!(&by, CalledBy::Hint(Some(announced)) if published.id() == Some(announced.id()));
        if !is_tried
            && let Some(held) = self.held_to_change()
            && published.id() != Some(held.id())
            && let Some((entries, changes)) = follow(store, cache, &held).await?
        {
            self.whole_due = None;
            return Ok(Some(Load { head: changes.head.clone(), entries, changes: Some(changes) }));
        }
        if !self.local.is_missing() && matches!(by, CalledBy::Hint(_)) && self.puts_off(published).await {
            return Ok(None);
        }
        self.whole_due = None;
        self.load_whole(published).await
    }

    /// Whether the whole map is not loaded yet because a hint calls for it. The first hint decides until when: however many
    /// follow, the load is not put off any further.
    async fn puts_off(&mut self, published: &Presence) -> bool {
        let bytes = match published {
            Presence::Whole(head) => head.bytes,
            Presence::Foreign(foreign) => foreign.bytes,
            _ => 0,
        };
        if self.whole_due.is_none() && !spread::is_small(bytes) {
            let (cache, reload_ttl) = (&self.local.cache, self.settings.reload_ttl);
            let subscribers = self.source.store.subscribers(cache).await.unwrap_or_else(|error| {
                debug!(%cache, "the number of readers is not known: {error}");
                1
            });
            self.whole_due = Some(Instant::now() + spread::delay(bytes, subscribers, reload_ttl, random()));
        }
        self.whole_due.is_some_and(|due| due > Instant::now())
    }

    /// Keeps the outcome of a poll for `last_error`, and logs what it has changed: nothing if it is like the one
    /// before.
    fn report(&mut self, outcome: &Result<()>) {
        let (cache, state) = (&self.local.cache, self.local.state());
        let (last_state, last_refused) = self.logged;
        let refused = self.refused.as_ref().map(|(id, _)| *id);
        match (self.local.last_error(), outcome) {
            (Some(last), Err(error)) if last.kind() == error.kind() && refused == last_refused => {}
            // A reader that keeps the text belongs to a host in this program, which is about to load the cache.
            (_, Err(error)) if error.is_missing() && self.settings.kept_text.is_some() => {
                debug!(%cache, "nothing to load yet: {error}")
            }
            (_, Err(error)) if state == State::Missing => warn!(%cache, "failed to load a first snapshot: {error}"),
            (_, Err(error)) => warn!(%cache, "failed to reload, still serving the last snapshot: {error}"),
            (Some(_), Ok(())) => info!(%cache, "reloading works again"),
            (None, Ok(())) => {}
        }
        match (last_state, state) {
            (State::Fresh, State::Stale) => warn!(%cache, "the copy is stale: its source was not checked in time"),
            (State::Stale, State::Fresh) => info!(%cache, "the copy is fresh again"),
            _ => {}
        }
        self.logged = (state, refused);
        self.polling.ended(outcome, state);
        self.local.polled(outcome.as_ref().err().cloned());
    }
}
