//! What a lease stages: the hash of a cache in short commands, and its record in one.

use std::time::Duration;

use redis::{Cmd, RedisWrite};

use super::connection::WHOLE_TIMEOUT;
use super::keys::Keys;
use super::meta::millis;
use super::store::Redis;
use super::transaction::Transaction;
use crate::{Batch, Error, Lease, Result};

/// How long what is staged lives without being added to or its lease renewed.
pub(super) const STAGING_TTL: Duration = Duration::from_secs(120);

/// No command is given more than this, so that none delays others for long.
pub(super) const MAX_ENTRIES: usize = 500;
const MAX_BYTES: usize = 1 << 20;

/// What one string of Redis holds, and with it a record.
const MAX_RECORD_BYTES: usize = 512 << 20;

impl Redis {
    pub(super) async fn stage_hash(&self, lease: &Lease, keys: &Keys, batch: &Batch) -> Result<()> {
        let staging = keys.staging(lease.token());
        for set in sets(&staging, batch) {
            let transaction = Transaction::of([set, expire(&staging)]);
            let staged = self.server.transaction(transaction).await;
            staged.map_err(|error| self.server.explain(error).of(lease.cache()))?;
        }
        Ok(())
    }

    /// Adds entries to the record, which stays in the lease until the commit: Redis would copy a string that
    /// grows while everybody waits, and a map that comes out the same need not be sent at all.
    pub(super) fn stage_record(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        let mut record = lease.record();
        batch.iter().for_each(|(key, value)| record.push(key, value));
        if record.bytes() > MAX_RECORD_BYTES {
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
        lease.record().write_to(set.writer_for_next_arg());
        set.arg("PX").arg(millis(STAGING_TTL));
        let sent = self.server.command_within(set, WHOLE_TIMEOUT).await;
        sent.map(drop).map_err(|error| self.server.explain(error).of(lease.cache()))
    }
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
