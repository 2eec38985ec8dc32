//! The reading role: each call is one read transaction, and a short one.

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
use super::whole;
use crate::{
    Changes, HashState, Id, LeaseState, LookUp, Name, Presence, Reading, Result as StoreResult, Status, Whole,
};

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

    async fn whole(&self, cache: &Name) -> StoreResult<Option<Whole>> {
        whole::open(self, cache).await
    }

    async fn changes(&self, cache: &Name, from: Id) -> StoreResult<Option<Changes>> {
        let name = cache.clone();
        self.on_disk(cache, move |directory, _| changes(directory, &name, from)).await
    }

    async fn look_up(&self, cache: &Name, keys: &[&str]) -> StoreResult<Option<LookUp>> {
        let name = cache.clone();
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.on_disk(cache, move |directory, _| look_up(directory, &name, &keys)).await
    }
}

fn status(directory: &Directory, cache: &Name) -> Result<Status> {
    let now = Millis::now();
    let nothing = Status {
        now: now.into(),
        presence: Presence::Missing,
        hash: HashState::Absent,
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

fn look_up(directory: &Directory, cache: &Name, keys: &[String]) -> Result<Option<LookUp>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    let txn = environment.read()?;
    let now = Millis::now();
    let Some(published) = environment.whole(&txn, now)? else { return Ok(None) };
    let data = environment.data(published.loaded.slot);
    let value = |key: &String| -> Result<Option<Bytes>> {
        // LMDB takes any other length for a mistake.
        let value = if is_key(key) { data.get(&txn, key)? } else { None };
        Ok(value.map(|value| Bytes::copy_from_slice(value.as_bytes())))
    };
    let values = keys.iter().map(value).collect::<Result<_>>()?;
    Ok(Some(LookUp { now: now.into(), head: published.into_head(), hash: HashState::Absent, values }))
}

fn changes(directory: &Directory, cache: &Name, from: Id) -> Result<Option<Changes>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    let txn = environment.read()?;
    let now = Millis::now();
    match environment.whole(&txn, now)? {
        Some(published) => {
            let deltas = changes::since(&environment, &txn, &published.loaded, from)?;
            Ok(deltas.map(|deltas| Changes { now: now.into(), head: published.into_head(), deltas }))
        }
        None => Ok(None),
    }
}
