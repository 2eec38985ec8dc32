//! The calls that publish: one script each. A small delta brings the hash along in the same MULTI.

use redis::Value;

use super::hash::{MAX_BYTES_PER_STEP, MAX_KEYS_PER_STEP, Step};
use super::keys::Keys;
use super::meta::{FORMAT, millis, ttl_millis, unix_millis};
use super::pushed;
use super::reply::text;
use super::script::{By, COMMIT, Call, RESTORE, Script};
use super::segments::{Manifest, grace_millis};
use super::server::is_unknown_script;
use super::staging::stages_hash;
use super::store::Redis;
use super::transaction::Transaction;
use crate::chunk::ChunkBuilder;
use crate::{CommitError, Committed, Content, Delta, Error, Head, Id, Lease, Publish, Push, Result, Root, frame};

impl Redis {
    /// Publishes, and gives the reply of the script that decides.
    pub(super) async fn commit_content(&self, lease: &Lease, keys: &Keys, publish: &Publish) -> Result<Vec<Value>> {
        let cache = lease.cache();
        let call = |mode: &str| {
            let call = self.publication(&COMMIT, lease, keys);
            let call = call.arg("mode", mode).arg("definition", lease.definition());
            call.arg("ttl_ms", ttl_millis(publish.cache_ttl))
                .arg("refill_interval_ms", millis(publish.refill_interval))
                .arg("grace_ms", grace_millis(publish.refill_interval))
                .arg("seq_after", publish.seq_after)
                .optional("mark", publish.mark.as_ref())
                .optional("push", (publish.push == Push::Delta).then(pushed::fields))
                .optional("push_bytes", (publish.push == Push::Delta).then_some(pushed::MAX_DELTA_BYTES))
        };
        match &publish.content {
            Content::Swap { id, entries, bytes, root } => {
                let call = snapshot(call("whole"), *id, *entries, *bytes, *root);
                let call = self.with_staged(lease, call, *entries, *root).await?;
                self.run(cache, &call).await
            }
            Content::Touch { base } => self.run(cache, &call("touch").arg("base", base)).await,
            Content::Delta { .. } if keys.record.is_some() => {
                let layout = self.layout(cache).as_str();
                let message = format!("the layout `{layout}` does not take a delta: stage the whole map, and swap");
                Err(Error::invalid(message).of(cache))
            }
            Content::Delta { id, base, delta, entries, bytes, root } => {
                let call = snapshot(call("delta"), *id, *entries, *bytes, *root)
                    .arg("base", base)
                    .bytes("delta", frame::pack(&delta.pack()));
                self.commit_delta(lease, keys, call, *base, *id, *entries, delta).await
            }
        }
    }

    /// Publishes a copy of a snapshot that was lost, and gives the reply of the script.
    pub(super) async fn restore_head(&self, lease: &Lease, keys: &Keys, head: &Head) -> Result<Vec<Value>> {
        let call = snapshot(self.publication(&RESTORE, lease, keys), head.id, head.entries, head.bytes, head.root)
            .arg("ttl_ms", ttl_millis(head.cache_ttl))
            .arg("refill_interval_ms", millis(head.refill_interval))
            .arg("grace_ms", grace_millis(head.refill_interval))
            .optional("mark", head.mark.as_ref())
            .optional("push", (head.push == Push::Delta).then(pushed::fields))
            .arg("seq", head.seq)
            .arg("loaded_at", unix_millis(head.loaded_at))
            .arg("checked_at", unix_millis(head.checked_at));
        let call = self.with_staged(lease, call, head.entries, head.root).await?;
        self.run(lease.cache(), &call).await
    }

    /// Sends what a lease has staged and not sent yet, once.
    pub(super) async fn seal_staged(&self, lease: &Lease) -> Result<()> {
        let (cache, keys) = (lease.cache(), self.keys(lease.cache()));
        if lease.staged().is_sealed {
            return Ok(());
        }
        if keys.record.is_some() {
            self.send_record(lease, &keys).await?;
        }
        let is_small = lease.staged().small.is_some();
        if self.layout(cache).has_version() && !is_small {
            let (version, rest, manifest) = {
                let packer = &mut lease.staged().packer;
                (packer.version, packer.rest(), Manifest::of(packer))
            };
            self.seal(cache, &keys, version, rest, &manifest).await?;
        }
        lease.staged().is_sealed = true;
        Ok(())
    }

    /// Adds to the call where the script finds what a lease has staged.
    async fn with_staged(&self, lease: &Lease, call: Call, entries: u64, root: Root) -> Result<Call> {
        let layout = self.layout(lease.cache());
        self.seal_staged(lease).await?;
        if !layout.has_version() {
            return Ok(call);
        }
        let small = lease.staged().small.clone();
        if let Some(small) = small {
            if (small.len() as u64, small.iter().collect::<Root>()) != (entries, root) {
                return Ok(incomplete(call));
            }
            let mut chunk = ChunkBuilder::default();
            small.iter().for_each(|(key, value)| chunk.push(key, value));
            let call = call.arg("version", "").bytes("inline", chunk.pack());
            return Ok(if layout.has_hash() { call.entries(small) } else { call });
        }
        let (staged_entries, staged_root, version, segments) = {
            let packer = &lease.staged().packer;
            (packer.entries(), packer.root(), packer.version, packer.segments().len())
        };
        if (staged_entries, staged_root) != (entries, root) {
            return Ok(incomplete(call));
        }
        let call = call.arg("version", version).arg("segments", segments);
        Ok(call.optional("is_hash_staged", stages_hash(lease, layout).then_some("1")))
    }

    /// What the reply of a publishing script means.
    pub(super) fn committed(&self, lease: &Lease, reply: &[Value]) -> Result<Committed, CommitError> {
        match self.outcome(lease.cache(), reply)? {
            "done" => {
                let says = |place: usize, word| reply.get(place).and_then(text) == Some(word);
                Ok(Committed { is_hash_behind: says(1, "behind"), is_log_long: says(2, "long") })
            }
            "fenced" => Err(CommitError::Fenced),
            "moved" => Err(CommitError::Moved),
            "lost" => Err(CommitError::Lost),
            "staging_lost" => Err(CommitError::StagingLost),
            "full" => Err(CommitError::LogFull),
            _ => Err(self.unexpected_reply(lease.cache(), reply).into()),
        }
    }

    /// A call with the arguments that every publication has.
    fn publication(&self, script: &'static Script, lease: &Lease, keys: &Keys) -> Call {
        let token = lease.token();
        let call = script.call_with_version(keys, token, lease.staged().version());
        let call = call.arg("token", token).arg("format", FORMAT).arg("channel", &keys.channel);
        let call = call.arg("host", &lease.holder().host).arg("layout", self.layout(lease.cache()).as_str());
        call.arg("record_bytes", lease.staged().record.bytes())
    }

    /// Commits a delta. Where it is small, the hash follows in the same step; if it does not show what the delta leads
    /// from, what is written for it is dropped.
    #[allow(clippy::too_many_arguments, reason = "they are the parts of one delta")]
    async fn commit_delta(
        &self,
        lease: &Lease,
        keys: &Keys,
        call: Call,
        base: Id,
        id: Id,
        entries: u64,
        delta: &Delta,
    ) -> Result<Vec<Value>> {
        let cache = lease.cache();
        let keys_changed = delta.set.len() + delta.removed.len();
        let is_small = keys_changed <= MAX_KEYS_PER_STEP && delta.set.bytes() <= MAX_BYTES_PER_STEP;
        if !self.layout(cache).has_hash() || !is_small {
            return self.run(cache, &call).await;
        }
        let step = Step { from: base.to_string(), to: id.to_string(), id, at: String::new(), entries: Some(entries) };
        let transaction = |by| Transaction::of([call.command(by)]).with(step.commands(keys, lease.token(), delta, by));
        let mut replies = self.server.transaction(transaction(By::Hash)).await;
        if replies.as_ref().is_err_and(is_unknown_script) {
            replies = self.server.transaction(transaction(By::Source)).await;
        }
        let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
        let (Some(Value::Array(committed)), Some(Value::Array(closed))) = (replies.first(), replies.last()) else {
            return Err(self.unexpected_reply(cache, &replies));
        };
        let mut committed = committed.clone();
        // When the commit replied, the hash had not followed yet.
        if let (Some("done"), Some(hash)) = (closed.first().and_then(text), committed.get_mut(1)) {
            *hash = Value::Nil;
        }
        Ok(committed)
    }
}

/// What was staged is another map: a version that the script does not find complete, unless it has other reasons to refuse.
fn incomplete(call: Call) -> Call {
    call.arg("version", Id::of(0)).arg("segments", "")
}

/// Adds what names and describes a new snapshot.
fn snapshot(call: Call, id: Id, entries: u64, bytes: u64, root: Root) -> Call {
    call.arg("id", id).arg("entries", entries).arg("bytes", bytes).arg("root", root)
}
