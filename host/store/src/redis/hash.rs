//! The plain hash follows what is published: in the steps of the deltas that lead there, or whole.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{Cmd, Value};

use super::keys::Keys;
use super::log::{Record, path};
use super::meta::{self, HEAD, LAYOUT, PLACE, Place, Version};
use super::reply::{number, text};
use super::script::{By, HASH};
use super::server::{Lane, is_unknown_script};
use super::staging::{MAX_ENTRIES, expire, sets};
use super::store::Redis;
use super::transaction::Transaction;
use super::whole::{Opened, unpack};
use crate::merged::Merged;
use crate::{Delta, Id, Name, Part, Result, Root, Token};

/// How many keys, and about how many bytes, of the hash are changed while others wait: about 1 ms.
pub(super) const MAX_KEYS_PER_STEP: usize = 1_000;
pub(super) const MAX_BYTES_PER_STEP: usize = 1 << 20;

/// How many parts of a whole map are unpacked and written at the same time, so that the server need not wait.
const PARTS_AT_ONCE: usize = 4;

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
    log: Vec<Record>,
}

impl Redis {
    pub(super) async fn follow(&self, cache: &Name) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let Some(found) = self.find(cache).await? else { return Ok(()) };
            // A hash of which entries are missing is written anew.
            let deltas = if found.place.view == found.id.to_string() { None } else { found.deltas() };
            let is_done = match deltas {
                Some(merged) => self.follow_deltas(cache, &found, merged).await?,
                None => self.write_hash(cache, &found.place.view).await?,
            };
            if !is_done {
                tracing::debug!(%cache, "the hash was changed by another host, or something else was published: looking again");
            }
        }
        Ok(())
    }

    /// `None`: there is no hash to be kept, nothing to be shown, or the hash shows it.
    async fn find(&self, cache: &Name) -> Result<Option<Found>> {
        let keys = self.keys(cache);
        let (mut meta, mut length, mut log) = (redis::cmd("HMGET"), redis::cmd("HLEN"), redis::cmd("XRANGE"));
        meta.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT).arg(&PLACE);
        length.arg(&keys.data);
        log.arg(&keys.log).arg("-").arg("+");
        let (commands, mut is_log_read) = ([meta, length], false);
        loop {
            // The log may be long: it is read only where it is needed.
            let (lane, log) = if is_log_read { (Lane::Bulk, Some(log.clone())) } else { (Lane::Quick, None) };
            let replies =
                self.server.transaction_on(lane, Transaction::of(commands.clone().into_iter().chain(log))).await;
            let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
            let [Value::Array(fields), length, records @ ..] = &replies[..] else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let Some((head, layout, place)) = meta::split(fields) else {
                return Err(self.unexpected_reply(cache, &replies));
            };
            let head = self.server.head(head).map_err(|error| error.of(cache))?;
            let (Some(layout), Some(place), Some(head)) = (meta::layout(layout), Place::of(place), head) else {
                return Ok(None);
            };
            let (id, entries, entries_of_hash) = (head.id, head.entries, number(length).unwrap_or_default());
            let is_current = place.view == id.to_string() && entries_of_hash == entries;
            if !layout.has_hash() || place.version == Version::Hash || is_current {
                return Ok(None);
            }
            match records {
                [Value::Array(records)] => {
                    let log = records.iter().filter_map(Record::of).collect();
                    return Ok(Some(Found { place, id, entries, log }));
                }
                _ if is_log_read => return Err(self.unexpected_reply(cache, &replies)),
                _ => is_log_read = true,
            }
        }
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

    /// Writes the hash anew from the version, over what shows `view` now. `false`: something has changed meanwhile.
    async fn write_hash(&self, cache: &Name, view: &str) -> Result<bool> {
        let token = Token::random();
        let written = self.stage_and_swap(cache, view, token).await;
        if !matches!(written, Ok(true)) {
            self.drop_unused(cache, self.keys(cache).staging(token)).await;
        }
        written
    }

    /// Drops what came to nothing: left to expire, it would take memory that may be what was missing.
    pub(super) async fn drop_unused(&self, cache: &Name, key: String) {
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(key);
        if let Err(error) = self.command(cache, unlink).await {
            tracing::debug!(%error, "cannot drop what was written: it expires in two minutes");
        }
    }

    async fn stage_and_swap(&self, cache: &Name, view: &str, token: Token) -> Result<bool> {
        let Some(Opened { mut whole, at, .. }) = self.open_whole(cache, None).await? else { return Ok(true) };
        let keys = self.keys(cache);
        let staging = keys.staging(token);
        let (mut root, mut entries) = (Root::default(), 0);
        let mut writing = FuturesUnordered::new();
        let write = |part: Part| async {
            let (batch, root) = unpack(part).await.map_err(|error| error.of(cache))?;
            self.stage_hash(cache, &staging, &batch).await?;
            Result::Ok((root, batch.len() as u64))
        };
        loop {
            let is_full = writing.len() == PARTS_AT_ONCE;
            tokio::select! {
                Some(written) = writing.next() => {
                    let (of_part, count) = written?;
                    root.add_part(of_part);
                    entries += count;
                }
                Some(part) = whole.next(), if !is_full => writing.push(write(part?)),
                else => break,
            }
        }
        drop(writing);
        if !whole.is_proven_by(root, entries) {
            return Err(whole.not_proven().of(cache));
        }
        let call = HASH
            .call(&keys, token)
            .arg("mode", "swap")
            .arg("from", view)
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
