//! Staging, and the one transaction that publishes.

use heed::{RoTxn, RwTxn};

use super::changes;
use super::directory::Directory;
use super::environment::{Environment, MAX_KEY_BYTES, is_key};
use super::failure::Result;
use super::failures::Failures;
use super::lease::{Held, Locks, is_held};
use super::record::{Checked, Loaded, Millis, Published, Refill, Slot, Staging};
use crate::{Batch, CommitError, Content, Error, Head, Id, Name, Publish, Ttl};

pub(super) fn stage(directory: &Directory, holder: &Held, batch: &Batch) -> Result<()> {
    let Some(environment) = directory.find(&holder.cache)? else { return Ok(()) };
    let mut txn = environment.write()?;
    // Otherwise it would be added to what another host stages. The commit reports that the lease is lost.
    if let Some(slot) = staged_by(&environment, &txn, holder)? {
        put_all(&environment, &mut txn, slot, batch)?;
        txn.commit()?;
    }
    Ok(())
}

pub(super) fn is_staged(directory: &Directory, holder: &Held, key: &str) -> Result<bool> {
    let Some(environment) = directory.find(&holder.cache)? else { return Ok(false) };
    let txn = environment.read()?;
    match staged_by(&environment, &txn, holder)? {
        Some(slot) if is_key(key) => Ok(environment.data(slot).get(&txn, key)?.is_some()),
        _ => Ok(false),
    }
}

/// The table that holds what this lease has staged.
fn staged_by(environment: &Environment, txn: &RoTxn<'_>, holder: &Held) -> Result<Option<Slot>> {
    match environment.meta().get::<Staging>(txn)? {
        Some(Staging(owner)) if owner == holder.token => environment.staging(txn).map(Some),
        _ => Ok(None),
    }
}

fn put_all(environment: &Environment, txn: &mut RwTxn<'_>, slot: Slot, batch: &Batch) -> Result<()> {
    let data = environment.data(slot);
    for (key, value) in batch.iter() {
        if !is_key(key) {
            return Err(bad_key(key).into());
        }
        data.put(txn, key, value)?;
    }
    Ok(())
}

fn bad_key(key: &str) -> Error {
    let start: String = key.chars().take(32).collect();
    Error::invalid(format!(
        "the key `{}` has {} bytes (expected 1 to {MAX_KEY_BYTES} in the embedded store)",
        start.escape_debug(),
        key.len()
    ))
}

/// What a commit came to, where the store itself did not fail.
type Committed = Result<(), CommitError>;

pub(super) fn commit(directory: &Directory, locks: &Locks, holder: &Held, publish: &Publish) -> Result<Committed> {
    let Some(environment) = directory.find(&holder.cache)? else { return Ok(Err(CommitError::Fenced)) };
    let mut txn = environment.write()?;
    let now = Millis::now();
    let published = environment.published(&txn, now)?;
    if let (Some(id), Some(published)) = (new_id(&publish.content), &published)
        && published.loaded.id == id
    {
        return Ok(Ok(()));
    }
    if !is_held(&environment, &txn, holder)? {
        return Ok(Err(CommitError::Fenced));
    }
    let loaded = match &publish.content {
        Content::Swap { id, entries, bytes, root } => {
            let Some(slot) = staged(&environment, &txn, holder, *entries)? else {
                return Ok(Err(CommitError::StagingLost));
            };
            environment.changes().clear(&mut txn)?;
            let seq = environment.next_seq(&txn, publish.seq_after)?;
            Loaded { id: *id, seq, entries: *entries, bytes: *bytes, root: *root, at: now, slot, changes_bytes: 0 }
        }
        Content::Delta { base, .. } | Content::Touch { base } => {
            let Some(published) = published.filter(|published| published.loaded.id == *base) else {
                return Ok(Err(CommitError::Moved));
            };
            if !environment.is_whole(&txn, &published)? {
                return Ok(Err(CommitError::Lost));
            }
            change(&environment, &mut txn, published.loaded, publish, now)?
        }
    };

    environment.meta().put(&mut txn, &Published { loaded, checked: Checked::new(publish, now) })?;
    // After a swap that is what was published before.
    environment.clear_staging(&mut txn)?;
    environment.meta().delete::<Refill>(&mut txn)?;
    let mut failures = environment.meta().get::<Failures>(&txn)?.unwrap_or_default();
    if failures.forget(holder.definition, &holder.host) {
        environment.meta().put(&mut txn, &failures)?;
    }
    txn.commit()?;
    locks.drop(holder);
    Ok(Ok(()))
}

fn new_id(content: &Content) -> Option<Id> {
    match content {
        Content::Swap { id, .. } | Content::Delta { id, .. } => Some(*id),
        Content::Touch { .. } => None,
    }
}

/// The table that this lease has staged this many entries in.
fn staged(environment: &Environment, txn: &RoTxn<'_>, holder: &Held, entries: u64) -> Result<Option<Slot>> {
    let Some(slot) = staged_by(environment, txn, holder)? else { return Ok(None) };
    Ok((environment.data(slot).len(txn)? == entries).then_some(slot))
}

/// Publishes a copy of a snapshot that was lost; lease and last error stay.
pub(super) fn restore(directory: &Directory, holder: &Held, head: &Head) -> Result<Committed> {
    let Some(environment) = directory.find(&holder.cache)? else { return Ok(Err(CommitError::Fenced)) };
    let mut txn = environment.write()?;
    let now = Millis::now();
    if !is_held(&environment, &txn, holder)? {
        return Ok(Err(CommitError::Fenced));
    }
    if environment.whole(&txn, now)?.is_some() {
        return Ok(Err(CommitError::Moved));
    }
    let Some(slot) = staged(&environment, &txn, holder, head.entries)? else {
        return Ok(Err(CommitError::StagingLost));
    };
    environment.changes().clear(&mut txn)?;
    let Head { id, seq, entries, bytes, root, .. } = *head;
    let loaded = Loaded { id, seq, entries, bytes, root, at: head.loaded_at.into(), slot, changes_bytes: 0 };
    environment.meta().put(&mut txn, &Published { loaded, checked: Checked::as_in(head, now) })?;
    environment.clear_staging(&mut txn)?;
    txn.commit()?;
    Ok(Ok(()))
}

/// Applies a delta to the published table itself: a reader sees the table as it was when its read
/// began.
fn change(
    environment: &Environment,
    txn: &mut RwTxn<'_>,
    base: Loaded,
    publish: &Publish,
    now: Millis,
) -> Result<Loaded> {
    let Content::Delta { id, delta, bytes, root, .. } = &publish.content else { return Ok(base) };
    put_all(environment, txn, base.slot, &delta.set)?;
    let data = environment.data(base.slot);
    for key in delta.removed.iter().filter(|key| is_key(key)) {
        data.delete(txn, key)?;
    }
    let changes_bytes = changes::append(environment, txn, &base, *id, delta)?;
    let entries = data.len(txn)?;
    let seq = base.seq.max(publish.seq_after) + 1;
    Ok(Loaded { id: *id, seq, entries, bytes: *bytes, root: *root, at: now, changes_bytes, ..base })
}

pub(super) fn prolong(directory: &Directory, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
    let Some(environment) = directory.find(cache)? else { return Ok(false) };
    let mut txn = environment.write()?;
    let now = Millis::now();
    let Some(mut published) = environment.published(&txn, now)? else { return Ok(false) };
    let expires_at = now.plus_ttl(cache_ttl);
    if outlives(expires_at, published.checked.expires_at) {
        published.checked.expires_at = expires_at;
        environment.meta().put(&mut txn, &published)?;
        txn.commit()?;
    }
    Ok(true)
}

/// Whether the first of two ends is the later one; `None` is never.
fn outlives(end: Option<Millis>, other: Option<Millis>) -> bool {
    match (end, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(end), Some(other)) => end > other,
    }
}
