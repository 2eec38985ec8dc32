//! The plain hash follows what is published: in the steps of the deltas that lead there, or whole.

use redis::{Cmd, Value};

use super::keys::Keys;
use super::log::{Record, path};
use super::meta::{self, HEAD, LAYOUT, PLACE, Place, Version};
use super::reply::{number, text};
use super::script::{By, HASH};
use super::server::is_unknown_script;
use super::staging::{MAX_ENTRIES, expire, sets};
use super::store::Redis;
use super::transaction::Transaction;
use super::whole::Opened;
use crate::merged::Merged;
use crate::{Delta, Id, Name, Result, Root, Token};

/// How many keys, and about how many bytes, of the hash are changed while others wait: about 1 ms.
pub(super) const MAX_KEYS_PER_STEP: usize = 1_000;
pub(super) const MAX_BYTES_PER_STEP: usize = 1 << 20;

/// How often it is tried: another host may be faster, or publish something else meanwhile.
const ATTEMPTS: usize = 5;

/// One step of the hash from one view to another.
pub(super) struct Step {
    pub(super) from: String,
    pub(super) to: String,
    /// The snapshot that the last step leads to, and its record in the log; empty for what is published.
    pub(super) id: Id,
    pub(super) at: String,
    /// At the last step: how many entries the hash must have then.
    pub(super) entries: Option<u64>,
}

impl Step {
    /// The commands of one MULTI. If the first of them refuses, the last drops what those between have written.
    pub(super) fn commands(&self, keys: &Keys, token: Token, delta: &Delta, by: By) -> Vec<Cmd> {
        let staging = keys.staging(token);
        let call =
            |mode| HASH.call(keys, token).arg("mode", mode).arg("to", &self.to).arg("id", self.id).arg("at", &self.at);
        let mut commands = vec![call("open").arg("from", &self.from).command(by)];
        commands.extend(sets(&staging, &delta.set));
        for removed in delta.removed.chunks(MAX_ENTRIES) {
            let mut remove = redis::cmd("HDEL");
            remove.arg(&staging).arg(removed);
            commands.push(remove);
        }
        commands.extend([expire(&staging), call("close").optional("entries", self.entries).command(by)]);
        commands
    }
}

/// What the hash shows, and what it is to show.
struct Found {
    place: Place,
    id: Id,
    entries: u64,
    entries_of_hash: u64,
    log: Vec<Record>,
}

impl Redis {
    pub(super) async fn follow(&self, cache: &Name) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let Some(found) = self.find(cache).await? else { return Ok(()) };
            let is_current = found.place.view == found.id.to_string();
            if is_current && found.entries_of_hash == found.entries {
                return Ok(());
            }
            let deltas = if is_current { None } else { found.deltas() };
            let is_done = match deltas {
                Some(merged) => self.follow_deltas(cache, &found, merged).await?,
                None => self.write_hash(cache).await?,
            };
            if !is_done {
                tracing::debug!(%cache, "the hash was changed by another host, or something else was published: looking again");
            }
        }
        Ok(())
    }

    /// `None`: there is no hash to be kept, or nothing to be shown.
    async fn find(&self, cache: &Name) -> Result<Option<Found>> {
        let keys = self.keys(cache);
        let (mut meta, mut length, mut log) = (redis::cmd("HMGET"), redis::cmd("HLEN"), redis::cmd("XRANGE"));
        meta.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT).arg(&PLACE);
        length.arg(&keys.data);
        log.arg(&keys.log).arg("-").arg("+");
        let replies = self.server.transaction(Transaction::of([meta, length, log])).await;
        let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
        let [Value::Array(fields), length, Value::Array(records)] = &replies[..] else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        let Some((head, layout, place)) = meta::split(fields) else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        let head = self.server.head(head).map_err(|error| error.of(cache))?;
        let (Some(layout), Some(place), Some(head)) = (meta::layout(layout), Place::of(place), head) else {
            return Ok(None);
        };
        let is_kept = layout.has_hash() && place.version != Version::Hash;
        Ok(is_kept.then(|| Found {
            place,
            id: head.id,
            entries: head.entries,
            entries_of_hash: number(length).unwrap_or_default(),
            log: records.iter().filter_map(Record::of).collect(),
        }))
    }

    /// Changes the hash in steps. `false`: something else has changed meanwhile.
    async fn follow_deltas(&self, cache: &Name, found: &Found, merged: Merged) -> Result<bool> {
        let keys = self.keys(cache);
        let at = found.log.last().filter(|last| last.to == found.id).map(|last| last.at.clone()).unwrap_or_default();
        let shown = found.place.view.split('>').next().unwrap_or_default();
        let on_the_way = format!("{shown}>{}", found.id);
        let mut from = found.place.view.clone();
        let mut slices = merged.into_slices(MAX_KEYS_PER_STEP, MAX_BYTES_PER_STEP).into_iter().peekable();
        while let Some(slice) = slices.next() {
            let is_last = slices.peek().is_none();
            let to = if is_last { found.id.to_string() } else { on_the_way.clone() };
            let entries = is_last.then_some(found.entries);
            let step = Step { from, to, id: found.id, at: at.clone(), entries };
            if !self.step(cache, &keys, &step, &slice).await? {
                return Ok(false);
            }
            from = step.to;
        }
        Ok(true)
    }

    async fn step(&self, cache: &Name, keys: &Keys, step: &Step, delta: &Delta) -> Result<bool> {
        let token = Token::random();
        let transaction = |by| Transaction::of(step.commands(keys, token, delta, by));
        let mut replies = self.server.transaction(transaction(By::Hash)).await;
        if replies.as_ref().is_err_and(is_unknown_script) {
            replies = self.server.transaction(transaction(By::Source)).await;
        }
        let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
        match replies.last() {
            Some(Value::Array(closed)) => Ok(closed.first().and_then(text) == Some("done")),
            _ => Err(self.unexpected_reply(cache, &replies)),
        }
    }

    /// Writes the hash anew from the version. `false`: something else was published meanwhile.
    async fn write_hash(&self, cache: &Name) -> Result<bool> {
        let Some(Opened { mut whole, at, .. }) = self.open_whole(cache, None).await? else { return Ok(true) };
        let (keys, token) = (self.keys(cache), Token::random());
        let staging = keys.staging(token);
        let (mut root, mut entries) = (Root::default(), 0);
        while let Some(part) = whole.next().await {
            let part = part?;
            let unpacked = tokio::task::spawn_blocking(move || part.unpack()).await;
            let (batch, of_part) = unpacked
                .map_err(|error| crate::Error::unavailable(format!("unpacking has failed: {error}")))?
                .map_err(|error| error.of(cache))?;
            self.stage_hash(cache, &staging, &batch).await?;
            root.add_part(of_part);
            entries += batch.len() as u64;
        }
        if !whole.is_proven_by(root, entries) {
            return Err(whole.not_proven().of(cache));
        }
        let call = HASH
            .call(&keys, token)
            .arg("mode", "swap")
            .arg("id", whole.head().id)
            .arg("at", at)
            .arg("entries", entries);
        let reply = self.run(cache, &call).await?;
        Ok(self.outcome(cache, &reply)? == "done")
    }
}

impl Found {
    /// What leads from the hash to what is published. `None`: that is not known.
    fn deltas(&self) -> Option<Merged> {
        let (from, on_the_way_to) = match self.place.view.split_once('>') {
            Some((from, to)) => (from, Some(to.parse::<Id>().ok()?)),
            None => (&*self.place.view, None),
        };
        let records = path(from.parse().ok()?, self.id, &self.log)?;
        // Some keys are of that snapshot already: only what leads through it makes all of them right.
        if on_the_way_to.is_some_and(|through| !records.iter().any(|record| record.to == through)) {
            return None;
        }
        let deltas: Option<Vec<Delta>> = records.iter().map(|record| record.delta().ok()).collect();
        Some(Merged::of(deltas?))
    }
}
