//! What a lease stages: the segments of a version, the hash in short commands, and the record in one.

use std::time::Duration;

use redis::{Cmd, RedisWrite};

use super::keys::Keys;
use super::meta::millis;
use super::server::Lane;
use super::store::Redis;
use super::transaction::Transaction;
use crate::{Batch, Error, Layout, Lease, Name, Result};

/// How long what is staged lives without being added to or its lease renewed.
pub(super) const STAGING_TTL: Duration = Duration::from_secs(120);

/// No command is given more than this, so that none delays others for long.
pub(super) const MAX_ENTRIES: usize = 500;
const MAX_BYTES: usize = 1 << 20;

/// What one string of Redis holds, and with it a record.
const MAX_RECORD_BYTES: usize = 512 << 20;

impl Redis {
    /// Adds entries to what the layout of a cache is made of.
    pub(super) async fn stage_entries(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let (cache, layout) = (lease.cache(), self.layout(lease.cache()));
        let keys = self.keys(cache);
        if layout.record_key().is_some() {
            self.stage_record(lease, batch)?;
        }
        if !layout.has_version() {
            return Ok(());
        }
        let (version, entries, segments) = {
            let mut staged = lease.staged();
            let Some(entries) = staged.add(batch) else { return Ok(()) };
            let segments = staged.packer.push(&entries);
            (staged.version(), entries, segments)
        };
        let (segments, hash) = tokio::join!(self.write_segments(cache, &keys, version, segments), async {
            if stages_hash(lease, layout) {
                self.stage_hash(cache, &keys.staging(lease.token()), &entries).await
            } else {
                Ok(())
            }
        });
        segments.and(hash)
    }

    /// Adds entries to a hash that is being staged.
    pub(super) async fn stage_hash(&self, cache: &Name, staging: &str, batch: &Batch) -> Result<()> {
        for set in sets(staging, batch) {
            let staged = self.server.transaction_on(Lane::Bulk, Transaction::of([set, expire(staging)])).await;
            staged.map_err(|error| self.server.explain(error).of(cache))?;
        }
        Ok(())
    }

    /// Whether a key was staged.
    pub(super) async fn is_key_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        let (cache, layout) = (lease.cache(), self.layout(lease.cache()));
        if !layout.has_version() {
            return Ok(lease.staged().record.contains_key(key));
        }
        let has_key = |batch: &Batch| batch.iter().any(|(staged, _)| staged == key);
        let (version, segments) = {
            let staged = lease.staged();
            if let Some(small) = &staged.small {
                return Ok(has_key(small));
            }
            let (segments, held_back) = staged.packer.around(key);
            if held_back
                .is_some_and(|chunk| crate::chunk::unpack(&chunk.pack().into()).is_ok_and(|(batch, _)| has_key(&batch)))
            {
                return Ok(true);
            }
            (self.keys(cache).version(staged.version()), segments)
        };
        for segment in segments {
            let chunk = self.segment(cache, &version, segment).await?;
            if has_key(&crate::chunk::unpack(&chunk).map_err(|error| error.of(cache))?.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds entries to the record, which stays in the lease until the commit: Redis would copy a string that
    /// grows while everybody waits, and a map that comes out the same need not be sent at all.
    fn stage_record(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let mut staged = lease.staged();
        batch.iter().for_each(|(key, value)| staged.record.push(key, value));
        if staged.record.bytes() > MAX_RECORD_BYTES {
            return Err(Error::invalid(format!(
                "its record would have more than the 512 MB that one string in Redis at {} can hold: make the map \
                 smaller, or use `layout = \"hash\"`, which has no such limit",
                self.server.location
            ))
            .of(lease.cache()));
        }
        Ok(())
    }

    /// Sends the record of a lease, for the commit to move to its place.
    pub(super) async fn send_record(&self, lease: &Lease, keys: &Keys) -> Result<()> {
        let mut set = redis::cmd("SET");
        set.arg(keys.staged_record(lease.token()));
        lease.staged().record.write_to(set.writer_for_next_arg());
        set.arg("PX").arg(millis(STAGING_TTL));
        let sent = self.server.command_on(Lane::Bulk, set).await;
        sent.map(drop).map_err(|error| self.server.explain(error).of(lease.cache()))
    }
}

/// Whether a lease stages the hash beside the version. Where nothing is published yet, the hash is written from the
/// version after the commit.
pub(super) fn stages_hash(lease: &Lease, layout: &Layout) -> bool {
    layout.has_hash() && lease.staged().had_snapshot
}

/// The HSETs that write a batch, each of them short.
pub(super) fn sets<'a>(staging: &'a str, batch: &'a Batch) -> impl Iterator<Item = Cmd> + 'a {
    let mut entries = batch.iter().peekable();
    std::iter::from_fn(move || {
        entries.peek()?;
        let mut set = redis::cmd("HSET");
        set.arg(staging);
        let (mut count, mut bytes) = (0, 0);
        while count < MAX_ENTRIES && bytes < MAX_BYTES {
            let Some((key, value)) = entries.next() else { break };
            set.arg(key).arg(value);
            count += 1;
            bytes += key.len() + value.len();
        }
        Some(set)
    })
}

pub(super) fn expire(staging: &str) -> Cmd {
    let mut expire = redis::cmd("PEXPIRE");
    expire.arg(staging).arg(millis(STAGING_TTL));
    expire
}
