//! The reading role: each call is one read transaction, and a short one.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;

use super::changes;
use super::directory::{Directory, LEASE_FILE};
use super::environment::is_key;
use super::failure::Result;
use super::failures::Failures;
use super::lease::is_locked;
use super::record::{Millis, Refill};
use super::store::Embedded;
use crate::{
    Batch, Changes, Chunk, Cursor, Error, Id, LeaseState, Name, Presence, Reading, Result as StoreResult, Scan, Status,
};

/// About as much of a map as is copied in a millisecond.
const CHUNK_ENTRIES: usize = 1_000;
const CHUNK_BYTES: usize = 1 << 20;

#[async_trait]
impl Reading for Embedded {
    fn location(&self) -> &str {
        &self.location
    }

    async fn statuses(&self, caches: &[Name]) -> StoreResult<Vec<StoreResult<Status>>> {
        let mut statuses = Vec::with_capacity(caches.len());
        for cache in caches {
            let name = cache.clone();
            statuses.push(self.on_disk(cache, move |directory, _| status(directory, &name)).await);
        }
        Ok(statuses)
    }

    async fn scan(&self, cache: &Name, part: Scan) -> StoreResult<Chunk> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| scan(directory, &name, &part)).await
    }

    async fn changes(&self, cache: &Name, from: Id) -> StoreResult<Option<Changes>> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| changes(directory, &name, from)).await
    }

    async fn get(&self, cache: &Name, keys: &[&str]) -> StoreResult<Option<Vec<Option<Bytes>>>> {
        let name = cache.clone();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.on_disk(cache, move |directory, _| get(directory, &name, &keys)).await
    }
}

fn status(directory: &Directory, cache: &Name) -> Result<Status> {
    let now = Millis::now();
    let nothing = Status {
        now: now.into(),
        presence: Presence::Missing,
        failing: Vec::new(),
        lease: LeaseState::Free,
        holder: None,
    };
    let Some(environment) = directory.find(cache)? else { return Ok(nothing) };
    let txn = environment.read()?;
    let published = environment.published(&txn, now)?;
    let failing = environment.meta().get::<Failures>(&txn)?.unwrap_or_default().into_failing(published.is_some(), now);
    let presence = match published {
        None => Presence::Missing,
        Some(published) if environment.is_whole(&txn, &published)? => Presence::Whole(published.into_head()),
        Some(published) => Presence::Lost(published.into_head()),
    };
    let (lease, holder) = match environment.meta().get::<Refill>(&txn)? {
        Some(Refill::Held { until, host, .. }) if until > now && is_locked(&directory.of(cache).join(LEASE_FILE))? => {
            (LeaseState::Held { until: until.into() }, Some(host).filter(|host| !host.is_empty()))
        }
        _ => (LeaseState::not_held(&failing, now.into()), None),
    };
    Ok(Status { presence, failing, lease, holder, ..nothing })
}

fn scan(directory: &Directory, cache: &Name, scan: &Scan) -> Result<Chunk> {
    let missing = Chunk { head: None, entries: Batch::default(), next: None };
    let Some(environment) = directory.find(cache)? else { return Ok(missing) };
    let txn = environment.read()?;
    let Some(published) = environment.whole(&txn, Millis::now())? else { return Ok(missing) };
    let start = match scan {
        Scan::First | Scan::Whole => Bound::Unbounded,
        Scan::Next(Cursor(last)) => Bound::Excluded(std::str::from_utf8(last).map_err(|_| invalid_cursor())?),
    };
    let mut entries = Batch::default();
    let mut next = None;
    for entry in environment.data(published.loaded.slot).range(&txn, &(start, Bound::Unbounded))? {
        let (key, value) = entry?;
        entries.push(key, value);
        let full = entries.len() >= CHUNK_ENTRIES || entries.bytes() >= CHUNK_BYTES;
        if full && !matches!(scan, Scan::Whole) {
            next = Some(Cursor(key.as_bytes().to_vec()));
            break;
        }
    }
    Ok(Chunk { head: Some(published.into_head()), entries, next })
}

fn invalid_cursor() -> Error {
    Error::invalid("this cursor is not from the embedded store: start the scan again")
}

fn get(directory: &Directory, cache: &Name, keys: &[String]) -> Result<Option<Vec<Option<Bytes>>>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    let txn = environment.read()?;
    let Some(published) = environment.whole(&txn, Millis::now())? else { return Ok(None) };
    let data = environment.data(published.loaded.slot);
    let value = |key: &String| -> Result<Option<Bytes>> {
        // LMDB takes any other length for a mistake.
        let value = if is_key(key) { data.get(&txn, key)? } else { None };
        Ok(value.map(|value| Bytes::copy_from_slice(value.as_bytes())))
    };
    keys.iter().map(value).collect::<Result<_>>().map(Some)
}

fn changes(directory: &Directory, cache: &Name, from: Id) -> Result<Option<Changes>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    let txn = environment.read()?;
    match environment.whole(&txn, Millis::now())? {
        Some(published) => {
            let deltas = changes::since(&environment, &txn, &published.loaded, from)?;
            Ok(deltas.map(|deltas| Changes { head: published.into_head(), deltas }))
        }
        None => Ok(None),
    }
}
