//! The writing side: a refill from taking the lease to giving it back.

use std::ops::RangeInclusive;
use std::time::Duration;

use redis::{Cmd, Value};

use super::Redis;
use super::head::{FORMAT, HEAD, millis, number, text, ttl_millis, unix_millis};
use super::keys::Keys;
use super::script::{self, By};
use super::server::{Transaction, is_unknown_script};
use crate::{Batch, Error, Head, Id, LastError, Name, Result, Root, Token, Ttl};
use crate::{Begin, Commit, Content, Delta, Due, Lease, Publish};

/// How long what is staged lives without being added to or its lease renewed.
pub(super) const STAGING_TTL: Duration = Duration::from_secs(120);

/// No command is given more than this, so that none makes others wait for long.
const STAGE_ENTRIES: usize = 500;
const STAGE_BYTES: usize = 1 << 20;

/// How many bytes of a cache's changes are kept for readers to replay: twice as many as the map
/// has, within these bounds. A reader that is further behind loads the whole map, which costs less.
const CHANGES_BYTES: RangeInclusive<u64> = (64 << 10)..=(4 << 20);

fn changes_bytes(map_bytes: u64) -> u64 {
    map_bytes.saturating_mul(2).clamp(*CHANGES_BYTES.start(), *CHANGES_BYTES.end())
}

impl Redis {
    pub(super) async fn take_lease(&self, cache: &Name, token: Token, lease_ttl: Duration, due: Due) -> Result<Begin> {
        let keys = self.keys(cache);
        let staging = keys.staging(token);
        let (due, due_ms) = match due {
            Due::After(age) => ("after", millis(age)),
            Due::Always => ("always", 0),
        };
        let record = keys.whole_record(token);
        let layout = self.layout(cache).as_str();
        let reply = self
            .run(cache, &script::BEGIN, |call| {
                call.arg(5 + record.len()).arg(&keys.data).arg(&keys.meta).arg(&keys.lease).arg(&keys.changes);
                call.arg(&staging).arg(&record);
                call.arg(token.to_string()).arg(millis(lease_ttl)).arg(due).arg(due_ms).arg(FORMAT).arg(layout);
                call.arg(&HEAD);
            })
            .await
            .map_err(|error| self.explain_layout(cache, error))?;
        let left = || reply.get(1).and_then(number).map(Duration::from_millis);
        match (self.outcome(cache, &reply)?, left()) {
            ("go", _) => self.began(cache, token, &keys, &reply).await,
            ("fresh", Some(left)) => Ok(Begin::Fresh { left }),
            ("busy", Some(left)) => Ok(Begin::Busy { left }),
            ("backoff", Some(left)) => Ok(Begin::Backoff { left }),
            _ => Err(self.odd_reply(cache, &reply)),
        }
    }

    /// Drops what the holder before had staged: left to expire, a big hash is freed while everybody
    /// waits. But the lease is ours, whether that works or not.
    async fn began(&self, cache: &Name, token: Token, keys: &Keys, reply: &[Value]) -> Result<Begin> {
        if let Some(before) = reply.get(1).and_then(text).and_then(|before| before.parse::<Token>().ok())
            && before != token
        {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(keys.staging(before)).arg(keys.record.as_ref().map(|_| keys.staged_record(before)));
            if let Err(error) = self.command(cache, unlink).await {
                tracing::debug!(%error, "what was left in staging will expire");
            }
        }
        let base = match reply.get(2) {
            Some(Value::Array(fields)) => self.server.head(cache, fields)?,
            _ => None,
        };
        Ok(Begin::Go { lease: Lease::new(cache.clone(), token), base })
    }

    pub(super) async fn renew_lease(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        let keys = self.keys(&lease.cache);
        let reply = self
            .run(&lease.cache, &script::RENEW, |call| {
                let record = keys.staged_record_and_lock(lease.token);
                call.arg(2 + record.len()).arg(&keys.lease).arg(keys.staging(lease.token)).arg(record);
                call.arg(lease.token.to_string()).arg(millis(lease_ttl)).arg(millis(STAGING_TTL));
            })
            .await?;
        self.done(&lease.cache, &reply)
    }

    pub(super) async fn stage_entries(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let keys = self.keys(&lease.cache);
        if keys.record.is_some() {
            self.stage_record(lease, batch)?;
        }
        if !self.layout(&lease.cache).has_hash() {
            return Ok(());
        }
        let staging = keys.staging(lease.token);
        for set in sets(&staging, batch) {
            let transaction = Transaction::about(&staging).with([set, expire(&staging)]);
            self.server.transaction(transaction).await.map_err(|error| self.server.explain(error).of(&lease.cache))?;
        }
        Ok(())
    }

    pub(super) async fn is_key_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        let keys = self.keys(&lease.cache);
        if !self.layout(&lease.cache).has_hash() {
            return Ok(lease.record().contains_key(key));
        }
        let mut exists = redis::cmd("HEXISTS");
        exists.arg(keys.staging(lease.token)).arg(key);
        let reply = self.command(&lease.cache, exists).await?;
        Ok(number(&reply) == Some(1))
    }

    pub(super) async fn publish(&self, lease: &Lease, publish: &Publish) -> Result<Commit> {
        let keys = self.keys(&lease.cache);
        let staging = keys.staging(lease.token);
        let layout = self.layout(&lease.cache);
        if keys.record.is_some() && matches!(publish.content, Content::Swap { .. } | Content::Restore { .. }) {
            self.send_record(lease, &keys.staged_record(lease.token)).await?;
        }
        let commit = Committing { keys: &keys, staging: &staging, layout: layout.as_str(), lease, publish };
        let reply = match &publish.content {
            Content::Swap { id, entries, bytes, root } => {
                let swap = Step { id: Some(*id), entries: *entries, bytes: *bytes, root: *root, ..Step::of("swap") };
                self.run(&lease.cache, &script::COMMIT, |call| commit.arguments(call, &swap)).await?
            }
            Content::Restore { head } => {
                let Head { id, entries, bytes, root, .. } = **head;
                let restore = Step { id: Some(id), entries, bytes, root, restored: Some(head), ..Step::of("restore") };
                self.run(&lease.cache, &script::COMMIT, |call| commit.arguments(call, &restore)).await?
            }
            Content::Touch { base } => {
                let touch = Step { base: Some(*base), ..Step::of("touch") };
                self.run(&lease.cache, &script::COMMIT, |call| commit.arguments(call, &touch)).await?
            }
            Content::Delta { .. } if keys.record.is_some() => {
                let message = format!("the layout `{}` takes no delta: expected a whole map", layout.as_str());
                return Err(Error::invalid(message).of(&lease.cache));
            }
            Content::Delta { id, base, delta, bytes, root } => {
                let step = Step { id: Some(*id), base: Some(*base), bytes: *bytes, root: *root, ..Step::of("open") };
                self.publish_delta(&commit, &step, delta).await?
            }
        };
        match self.outcome(&lease.cache, &reply)? {
            "done" => Ok(Commit::Done),
            "fenced" => Ok(Commit::Fenced),
            "moved" => Ok(Commit::Moved),
            "lost" => Ok(Commit::Lost),
            "staging_lost" => Ok(Commit::StagingLost),
            _ => Err(self.odd_reply(&lease.cache, &reply)),
        }
    }

    /// Opens, changes and closes in one MULTI; gives the reply that decides.
    async fn publish_delta(&self, commit: &Committing<'_>, open: &Step<'_>, delta: &Delta) -> Result<Vec<Value>> {
        let packed = delta.pack();
        let open = Step { delta_bytes: packed.len(), ..*open };
        let close = Step { mode: "close", ..open };
        let is_kept = packed.len() as u64 <= changes_bytes(open.bytes);
        let lent_changes = commit.keys.lent_changes(commit.lease.token);
        let transaction = |by| {
            let mut transaction = Transaction::about(&commit.keys.data);
            transaction.add(commit.call(by, &open));
            sets(commit.staging, &delta.set).for_each(|set| transaction.add(set));
            for removed in delta.removed.chunks(STAGE_ENTRIES) {
                let mut remove = redis::cmd("HDEL");
                remove.arg(commit.staging).arg(removed);
                transaction.add(remove);
            }
            transaction.add(expire(commit.staging));
            if is_kept {
                transaction.add(record(&lent_changes, &open, &packed));
                transaction.add(expire(&lent_changes));
            }
            transaction.add(commit.call(by, &close));
            transaction
        };
        // A server that does not know the script runs neither end of it, and what lies between hits a
        // throw-away key.
        let mut replies = self.server.transaction(transaction(By::Hash)).await;
        if replies.as_ref().is_err_and(is_unknown_script) {
            replies = self.server.transaction(transaction(By::Source)).await;
        }
        let replies = replies.map_err(|error| self.server.explain(error).of(&commit.lease.cache))?;
        match (replies.first(), replies.last()) {
            (Some(Value::Array(opened)), Some(Value::Array(closed))) => {
                let decides = if opened.first().and_then(text) == Some("open") { closed } else { opened };
                Ok(decides.clone())
            }
            _ => Err(self.odd_reply(&commit.lease.cache, &replies)),
        }
    }

    pub(super) async fn give_up(&self, lease: &Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        let keys = self.keys(&lease.cache);
        let reply = self
            .run(&lease.cache, &script::FAIL, |call| {
                let record = keys.staged_record_and_lock(lease.token);
                call.arg(3 + record.len()).arg(&keys.meta).arg(&keys.lease).arg(keys.staging(lease.token)).arg(record);
                call.arg(lease.token.to_string()).arg(millis(backoff));
                call.arg(&error.kind).arg(&error.message).arg(ttl_millis(keep));
            })
            .await?;
        self.done(&lease.cache, &reply).map(|_| ())
    }

    pub(super) async fn give_back(&self, lease: &Lease) -> Result<()> {
        let keys = self.keys(&lease.cache);
        let reply = self
            .run(&lease.cache, &script::RELEASE, |call| {
                let record = keys.staged_record_and_lock(lease.token);
                call.arg(2 + record.len()).arg(&keys.lease).arg(keys.staging(lease.token)).arg(record);
                call.arg(lease.token.to_string());
            })
            .await?;
        self.done(&lease.cache, &reply).map(|_| ())
    }

    pub(super) async fn live_on(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        let keys = self.keys(cache);
        let record: Vec<&String> = keys.record.iter().map(|record| &record.resource).collect();
        let reply = self
            .run(cache, &script::PROLONG, |call| {
                call.arg(3 + record.len()).arg(&keys.data).arg(&keys.meta).arg(&keys.changes).arg(&record);
                call.arg(ttl_millis(cache_ttl));
            })
            .await?;
        self.done(cache, &reply)
    }
}

/// What all calls of the commit script for one publication share.
struct Committing<'a> {
    keys: &'a Keys,
    staging: &'a str,
    layout: &'static str,
    lease: &'a Lease,
    publish: &'a Publish,
}

/// What one call of the commit script does.
#[derive(Clone, Copy)]
struct Step<'a> {
    mode: &'static str,
    base: Option<Id>,
    id: Option<Id>,
    entries: u64,
    bytes: u64,
    root: Root,
    delta_bytes: usize,
    restored: Option<&'a Head>,
}

impl Step<'_> {
    fn of(mode: &'static str) -> Self {
        Self { mode, base: None, id: None, entries: 0, bytes: 0, root: Root::default(), delta_bytes: 0, restored: None }
    }
}

impl Committing<'_> {
    fn call(&self, by: By, step: &Step<'_>) -> Cmd {
        let mut call = script::COMMIT.call(by);
        self.arguments(&mut call, step);
        call
    }

    fn arguments(&self, call: &mut Cmd, step: &Step<'_>) {
        let Keys { data, meta, lease, changes, channel, .. } = self.keys;
        let record = self.keys.whole_record(self.lease.token);
        let id = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
        let mark = self.publish.mark.as_ref().map(|mark| format!("={mark}")).unwrap_or_default();
        let lent_changes = self.keys.lent_changes(self.lease.token);
        call.arg(6 + record.len()).arg(data).arg(meta).arg(lease).arg(changes).arg(self.staging).arg(lent_changes);
        call.arg(record);
        call.arg(step.mode).arg(self.lease.token.to_string()).arg(id(step.base)).arg(id(step.id));
        call.arg(step.entries).arg(step.bytes).arg(ttl_millis(self.publish.cache_ttl)).arg(mark);
        call.arg(step.root.to_string()).arg(channel).arg(step.delta_bytes).arg(changes_bytes(step.bytes));
        call.arg(FORMAT).arg(millis(self.publish.refill_interval));
        call.arg(step.restored.map_or(self.publish.seq_after, |head| head.seq));
        call.arg(self.layout).arg(self.lease.record().bytes());
        call.arg(step.restored.map_or(0, |head| unix_millis(head.loaded_at)));
        call.arg(step.restored.map_or(0, |head| unix_millis(head.checked_at)));
    }
}

/// Records a delta for readers. Not from within the script: there it would be copied again and again, while
/// all others wait.
fn record(changes: &str, step: &Step<'_>, packed: &[u8]) -> Cmd {
    let id = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
    let mut add = redis::cmd("XADD");
    add.arg(changes).arg("*").arg("from").arg(id(step.base)).arg("to").arg(id(step.id)).arg("delta").arg(packed);
    add
}

fn expire(staging: &str) -> Cmd {
    let mut expire = redis::cmd("PEXPIRE");
    expire.arg(staging).arg(millis(STAGING_TTL));
    expire
}

/// The HSETs that write a batch, each of them short.
fn sets<'a>(staging: &'a str, batch: &'a Batch) -> impl Iterator<Item = Cmd> + 'a {
    let mut entries = batch.iter().peekable();
    std::iter::from_fn(move || {
        entries.peek()?;
        let mut set = redis::cmd("HSET");
        set.arg(staging);
        let (mut count, mut bytes) = (0, 0);
        while count < STAGE_ENTRIES && bytes < STAGE_BYTES {
            let Some((key, value)) = entries.next() else { break };
            set.arg(key).arg(value);
            count += 1;
            bytes += key.len() + value.len();
        }
        Some(set)
    })
}
