//! The calls that publish: one script for a swap, a touch or a restore, and one MULTI for a delta.

use std::ops::RangeInclusive;

use redis::{Cmd, Value};

use super::keys::Keys;
use super::meta::{FORMAT, millis, ttl_millis, unix_millis};
use super::reply::text;
use super::script::{By, COMMIT, Call, RESTORE, Script};
use super::server::is_unknown_script;
use super::staging::{MAX_ENTRIES, expire, sets};
use super::store::Redis;
use super::transaction::Transaction;
use crate::{CommitError, Content, Delta, Error, Head, Id, Lease, Publish, Result, Root};

/// How many bytes of a cache's changes are kept for readers to replay: twice as many as the map
/// has, within these bounds. A reader that is further behind loads the whole map, which costs less.
const CHANGE_BYTES: RangeInclusive<u64> = (64 << 10)..=(4 << 20);

fn max_change_bytes(map_bytes: u64) -> u64 {
    map_bytes.saturating_mul(2).clamp(*CHANGE_BYTES.start(), *CHANGE_BYTES.end())
}

impl Redis {
    /// Publishes, and gives the reply of the script that decides.
    pub(super) async fn commit_content(&self, lease: &Lease, keys: &Keys, publish: &Publish) -> Result<Vec<Value>> {
        let call = |mode: &str| {
            self.publication(&COMMIT, lease, keys)
                .arg("mode", mode)
                .arg("definition", lease.definition())
                .arg("host", &lease.holder().host)
                .arg("ttl_ms", ttl_millis(publish.cache_ttl))
                .arg("refill_interval_ms", millis(publish.refill_interval))
                .arg("seq_after", publish.seq_after)
                .optional("mark", publish.mark.as_ref())
        };
        match &publish.content {
            Content::Swap { id, entries, bytes, root } => {
                if keys.record.is_some() {
                    self.send_record(lease, keys).await?;
                }
                self.run(lease.cache(), &snapshot(call("swap"), *id, *bytes, *root).arg("entries", entries)).await
            }
            Content::Touch { base } => self.run(lease.cache(), &call("touch").arg("base", base)).await,
            Content::Delta { .. } if keys.record.is_some() => {
                let layout = self.layout(lease.cache()).as_str();
                let message = format!("the layout `{layout}` does not take a delta: stage the whole map, and swap");
                Err(Error::invalid(message).of(lease.cache()))
            }
            Content::Delta { id, base, delta, bytes, root } => {
                let packed = delta.pack();
                let max_change_bytes = max_change_bytes(*bytes);
                let call = |mode| {
                    snapshot(call(mode), *id, *bytes, *root)
                        .arg("base", base)
                        .arg("delta_bytes", packed.len())
                        .arg("max_change_bytes", max_change_bytes)
                };
                let record = (packed.len() as u64 <= max_change_bytes)
                    .then(|| record_delta(&keys.lent_changes(lease.token()), *base, *id, &packed));
                self.commit_delta(lease, keys, [call("open"), call("close")], delta, record).await
            }
        }
    }

    /// Publishes a copy of a snapshot that was lost, and gives the reply of the script.
    pub(super) async fn restore_head(&self, lease: &Lease, keys: &Keys, head: &Head) -> Result<Vec<Value>> {
        if keys.record.is_some() {
            self.send_record(lease, keys).await?;
        }
        let call = snapshot(self.publication(&RESTORE, lease, keys), head.id, head.bytes, head.root)
            .arg("ttl_ms", ttl_millis(head.cache_ttl))
            .arg("refill_interval_ms", millis(head.refill_interval))
            .optional("mark", head.mark.as_ref())
            .arg("entries", head.entries)
            .arg("seq", head.seq)
            .arg("loaded_at", unix_millis(head.loaded_at))
            .arg("checked_at", unix_millis(head.checked_at));
        self.run(lease.cache(), &call).await
    }

    /// What the reply of a publishing script means.
    pub(super) fn committed(&self, lease: &Lease, reply: &[Value]) -> Result<(), CommitError> {
        match self.outcome(lease.cache(), reply)? {
            "done" => Ok(()),
            "fenced" => Err(CommitError::Fenced),
            "moved" => Err(CommitError::Moved),
            "lost" => Err(CommitError::Lost),
            "staging_lost" => Err(CommitError::StagingLost),
            _ => Err(self.unexpected_reply(lease.cache(), reply).into()),
        }
    }

    /// A call with the arguments that every publication has.
    fn publication(&self, script: &'static Script, lease: &Lease, keys: &Keys) -> Call {
        let token = lease.token();
        let call = script.call(keys, token).arg("token", token).arg("format", FORMAT).arg("channel", &keys.channel);
        call.arg("layout", self.layout(lease.cache()).as_str()).arg("record_bytes", lease.record().bytes())
    }

    /// Opens, changes and closes in one MULTI; gives the reply that decides.
    async fn commit_delta(
        &self,
        lease: &Lease,
        keys: &Keys,
        [open, close]: [Call; 2],
        delta: &Delta,
        record: Option<Cmd>,
    ) -> Result<Vec<Value>> {
        let (staging, lent_changes) = (keys.staging(lease.token()), keys.lent_changes(lease.token()));
        let transaction = |by| {
            let mut transaction = Transaction::of([open.command(by)]).with(sets(&staging, &delta.set));
            for removed in delta.removed.chunks(MAX_ENTRIES) {
                let mut remove = redis::cmd("HDEL");
                remove.arg(&staging).arg(removed);
                transaction.add(remove);
            }
            transaction.add(expire(&staging));
            if let Some(record) = &record {
                transaction = transaction.with([record.clone(), expire(&lent_changes)]);
            }
            transaction.add(close.command(by));
            transaction
        };
        // A server that does not know the script runs neither end of it, and the commands between them write to
        // staging keys, which expire.
        let mut replies = self.server.transaction(transaction(By::Hash)).await;
        if replies.as_ref().is_err_and(is_unknown_script) {
            replies = self.server.transaction(transaction(By::Source)).await;
        }
        let replies = replies.map_err(|error| self.server.explain(error).of(lease.cache()))?;
        match (replies.first(), replies.last()) {
            (Some(Value::Array(opened)), Some(Value::Array(closed))) => {
                let decides = if opened.first().and_then(text) == Some("open") { closed } else { opened };
                Ok(decides.clone())
            }
            _ => Err(self.unexpected_reply(lease.cache(), &replies)),
        }
    }
}

/// Adds what names and describes a new snapshot.
fn snapshot(call: Call, id: Id, bytes: u64, root: Root) -> Call {
    call.arg("id", id).arg("bytes", bytes).arg("root", root)
}

/// Records a delta for readers. Not from within the script: there it would be copied again and again while
/// everybody waits.
fn record_delta(changes: &str, from: Id, to: Id, packed: &[u8]) -> Cmd {
    let mut add = redis::cmd("XADD");
    add.arg(changes).arg("*").arg("from").arg(from.to_string()).arg("to").arg(to.to_string()).arg("delta").arg(packed);
    add
}
