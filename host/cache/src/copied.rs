//! What a reader does with copies on disk: it starts with one, loads one that another process has written, and writes one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kiwi_store::{Batch, Head, Id, Presence};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::copies::{Copied, ToWrite, WriteLock};
use crate::deltas::{self, are_unreadable};
use crate::entries::Entries;
use crate::failure::{LoadFailure, wrong_value};
use crate::freshness::Seen;
use crate::held::Held;
use crate::load::{self, Keep};
use crate::reload::{Load, Reload};
use crate::snapshot::Snapshot;
use crate::stored::Value;
use crate::texts::Texts;

/// How long to wait for a copy that another process loads and writes.
const WAIT: Duration = Duration::from_secs(15);
const LOOK_INTERVAL: Duration = Duration::from_millis(25);
/// How often, where something is held meanwhile.
const LOOK_AGAIN_INTERVAL: Duration = Duration::from_millis(100);
/// How old a copy may become while changes are applied to what is held.
const COPY_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// If one in so many entries has changed, the copy is written again at once: each process holds the changes itself.
const CHANGED_PART: usize = 32;

impl<V: Value + ?Sized> Reload<V> {
    /// Holds the copy that is there, until the store says what is published.
    pub(crate) async fn hold_copy(&mut self) {
        let Some(copies) = &mut self.copies else { return };
        let Some(copied) = copies.read().await else { return };
        let Load { head, entries, .. } = match self.load_of(copied).await {
            Ok(load) => load,
            Err(LoadFailure::Refused(_, error) | LoadFailure::Failed(error)) => {
                warn!(cache = %self.local.cache, "the copy on disk is not used: {error}");
                return;
            }
        };
        let (cache, seen) = (&self.local.cache, Seen::copied(&head));
        info!(%cache, id = %head.id, age = ?seen.age(Instant::now()), "starting with the copy on disk");
        self.local.hold(Held { snapshot: self.snapshot(&head, entries), seen });
        self.lies_over(Some(head.id));
    }

    /// The whole map: from a copy on disk that another process has written, or else from the store. `None`: another process loads
    /// and writes it, and something is held meanwhile; `whole_due` is when to look again.
    pub(crate) async fn load_whole(&mut self, published: &Presence) -> Result<Option<Load<V>>, LoadFailure> {
        let lock = loop {
            let Some(copies) = &mut self.copies else { break None };
            // In this order: whoever had the lock has written the copy before it gave the lock back.
            let lock = copies.try_lock().await;
            let waits_since = *copies.waits_since.get_or_insert_with(|| Instant::now().into_std());
            if let Some((copy, load)) = self.load_copy(published).await? {
                self.lies_over(Some(copy));
                return Ok(Some(load));
            }
            if lock.is_some() || waits_since.elapsed() > WAIT {
                break lock;
            }
            if !self.local.is_missing() {
                self.whole_due = Some(Instant::now() + LOOK_AGAIN_INTERVAL);
                return Ok(None);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        };
        let (cache, store) = (&self.local.cache, &self.source.store);
        let keeps_text = self.settings.kept_text.is_some() || (lock.is_some() && !V::IS_TEXT);
        let keep = if keeps_text { Keep::ValuesAndText } else { Keep::Values };
        let loaded = load::load(store, cache, published, keep).await?;
        self.lies_over(None);
        match (&self.settings.kept_text, &mut self.copies) {
            (Some(text), _) => text.keep(&loaded.head, loaded.text),
            (None, Some(copies)) => {
                copies.to_write = lock.map(|lock| ToWrite { lock, head: loaded.head.clone(), text: loaded.text });
            }
            (None, None) => {}
        }
        Ok(Some(Load { head: loaded.head, entries: loaded.entries, changes: None }))
    }

    /// Notes which copy what is held lies over.
    fn lies_over(&mut self, copy: Option<Id>) {
        if let Some(copies) = &mut self.copies {
            (copies.held, copies.waits_since) = (copy, None);
        }
    }

    /// What the copy on disk leads to, and which one that is: it is what is published, or deltas lead on from it. `None`: neither, it
    /// cannot be used, or what is held lies over it already.
    async fn load_copy(&mut self, published: &Presence) -> Result<Option<(Id, Load<V>)>, LoadFailure> {
        let Some(copies) = &mut self.copies else { return Ok(None) };
        let Some((id, _)) = copies.peek().await else { return Ok(None) };
        if [copies.held, copies.unusable].contains(&Some(id)) {
            return Ok(None);
        }
        let is_published = published.id() == Some(id);
        let changes = match is_published {
            true => None,
            false => match self.source.store.changes(&self.local.cache, id).await {
                Ok(Some(changes)) => Some(changes),
                Ok(None) => return Ok(None),
                Err(error) if are_unreadable(&error) => return Ok(None),
                Err(error) => return Err(error.into()),
            },
        };
        let Some(copied) = copies.read().await.filter(|copied| copied.head.id == id) else { return Ok(None) };
        let load = match self.load_of(copied).await {
            Err(LoadFailure::Refused(..)) if !is_published => {
                self.copies.iter_mut().for_each(|copies| copies.unusable = Some(id));
                return Ok(None);
            }
            load => load?,
        };
        let Some(changes) = changes else {
            // The store knows more of it than the file does.
            let head = published.whole().cloned().unwrap_or(load.head);
            return Ok(Some((id, Load { head, ..load })));
        };
        let cache = &self.local.cache;
        let snapshot = Snapshot::new(cache.clone(), &load.head, load.entries, None);
        let Some(entries) = deltas::apply(cache, &snapshot, &changes).await? else { return Ok(None) };
        Ok(Some((id, Load { head: changes.head, entries, changes: None })))
    }

    /// The map of a copy. Where values are parsed, that keeps a thread busy.
    async fn load_of(&self, Copied { head, texts }: Copied) -> Result<Load<V>, LoadFailure> {
        let base = tokio::task::spawn_blocking(move || V::of_texts(texts)).await;
        let base = base.map_err(|error| kiwi_store::Error::unavailable(format!("a thread has failed: {error}")))?;
        let wrong =
            |(key, error): (String, _)| LoadFailure::Refused(head.id, wrong_value::<V>(&self.local.cache, &key, error));
        let entries = Entries::new(base.map_err(wrong)?);
        Ok(Load { head, entries, changes: None })
    }

    /// Writes the copy of what was just loaded and is held, and holds it as it is read from there.
    pub(crate) async fn write_copy(&mut self) {
        let to_write = self.copies.as_mut().and_then(|copies| copies.to_write.take());
        let Some(ToWrite { lock, head, text }) = to_write else { return };
        let Some(snapshot) = self.local.with_held(|held| Arc::clone(&held.snapshot)) else { return };
        let texts = tokio::task::spawn_blocking(move || {
            let of_text = || {
                let (len, bytes) = (text.iter().map(Batch::len).sum(), text.iter().map(Batch::bytes).sum());
                Texts::of(text.iter().flat_map(Batch::iter), len, bytes)
            };
            texts_of(snapshot.entries()).unwrap_or_else(of_text)
        });
        if let Ok(texts) = texts.await {
            self.write(lock, &head, texts).await;
        }
    }

    /// Writes the copy again if what is held has changed since, by much or a while ago; else it notes that the copy is still what the
    /// source has. `true`: the map is to be loaded again for that, because its text is not held.
    pub(crate) async fn renew_copy(&mut self, snapshot: &Arc<Snapshot<V>>, head: &Head) -> bool {
        let Some(copies) = &mut self.copies else { return false };
        match copies.peek().await {
            Some((id, _)) if id == head.id => {
                copies.checked(id, head.checked_at).await;
                if copies.held != Some(id) && snapshot.entries().unchanged_base().is_none() {
                    self.take_over(head).await;
                }
                return false;
            }
            Some((_, written_at)) => {
                let age = SystemTime::now().duration_since(written_at).unwrap_or(COPY_INTERVAL);
                if age < COPY_INTERVAL && !snapshot.entries().has_changed_by_one_in(CHANGED_PART) {
                    return false;
                }
            }
            None => {}
        }
        if copies.rests() {
            return false;
        }
        let Some(lock) = copies.try_lock().await else { return false };
        // Another process may have written a newer one.
        if self.take_over(head).await {
            return false;
        }
        if !V::IS_TEXT {
            return true;
        }
        let snapshot = Arc::clone(snapshot);
        if let Ok(Some(texts)) = tokio::task::spawn_blocking(move || texts_of(snapshot.entries())).await {
            self.write(lock, head, texts).await;
        }
        false
    }

    /// Lays what is held over the copy that another process has written.
    async fn take_over(&mut self, head: &Head) -> bool {
        match self.load_copy(&Presence::Whole(head.clone())).await {
            Ok(Some((copy, load))) if load.head.id == head.id => {
                self.hold_same(load);
                self.lies_over(Some(copy));
                true
            }
            _ => false,
        }
    }

    async fn write(&mut self, lock: WriteLock, head: &Head, texts: Texts) {
        let Some(copies) = &mut self.copies else { return };
        let Some(texts) = copies.write(lock, head, texts).await else { return };
        copies.held = Some(head.id);
        // Only text is served from the copy; other values are parsed already.
        if V::IS_TEXT
            && let Ok(load) = self.load_of(Copied { head: head.clone(), texts }).await
        {
            self.hold_same(load);
        }
    }
}

/// The entries as text, if they are held as that.
fn texts_of<V: Value + ?Sized>(entries: &Entries<V>) -> Option<Texts> {
    let base = V::texts(entries.base())?;
    if entries.unchanged_base().is_some() {
        return Some(base.clone());
    }
    let rows = entries.iter().filter_map(|(key, value)| Some((key, value.text()?)));
    Some(Texts::of(rows, entries.len(), base.bytes()))
}
