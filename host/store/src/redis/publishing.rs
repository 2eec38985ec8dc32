//! The publishing role: a refill, from taking the lease to what ends it.

use std::time::Duration;

use async_trait::async_trait;
use redis::Value;

use super::keys::Keys;
use super::meta::{FORMAT, HEAD, millis, ttl_millis};
use super::reply::{number, text};
use super::script::{BEGIN, FAIL, PROLONG, RELEASE, RENEW, REPORT};
use super::staging::STAGING_TTL;
use super::store::Redis;
use crate::hosts::{KEPT_FOR, MAX_HOSTS};
use crate::{
    Batch, Begin, CommitError, Committed, Due, Head, Holder, HostReport, Id, LastError, Lease, Name, NotCommitted,
    Publish, Publishing, Result, Token, Ttl,
};

#[async_trait]
impl Publishing for Redis {
    async fn begin(&self, cache: &Name, holder: Holder, lease_ttl: Duration, due: Due) -> Result<Begin> {
        let (keys, token) = (self.keys(cache), holder.token);
        let due_ms = match due {
            Due::After(age) => Some(millis(age)),
            Due::Always => None,
        };
        let call = BEGIN
            .call(&keys, token)
            .arg("token", token)
            .arg("definition", holder.definition)
            .arg("host", &holder.host)
            .arg("lease_ms", millis(lease_ttl))
            .optional("due_ms", due_ms)
            .arg("format", FORMAT)
            .arg("layout", self.layout(cache).as_str())
            .arg("head", HEAD.join(" "));
        let reply = self.run(cache, &call).await;
        let reply = reply.map_err(|error| self.server.explain_layout(self.layout(cache), error).of(cache))?;
        let left = || reply.get(1).and_then(number).map(Duration::from_millis);
        match (self.outcome(cache, &reply)?, left()) {
            ("go", _) => {
                let before = reply.get(1).and_then(text).and_then(|before| before.parse().ok());
                self.drop_staging(cache, &keys, before.filter(|&before| before != token)).await;
                let base = match reply.get(2) {
                    Some(Value::Array(fields)) => self.server.head(fields).map_err(|error| error.of(cache))?,
                    _ => None,
                };
                let number_at = |place: usize| reply.get(place).and_then(number).unwrap_or_default();
                let failures = u32::try_from(number_at(3)).unwrap_or(u32::MAX);
                let lease = Lease::new(cache.clone(), holder, base.is_some());
                let base_is_ours = number_at(5) == 1;
                Ok(Begin::Go { lease, base, base_is_ours, failures, max_delta_bytes: number_at(4) })
            }
            ("fresh", Some(left)) => Ok(Begin::Fresh { left }),
            ("busy", Some(left)) => Ok(Begin::Busy { left }),
            ("backoff", Some(left)) => Ok(Begin::Backoff { left }),
            _ => Err(self.unexpected_reply(cache, &reply)),
        }
    }

    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        let call = RENEW
            .call_with_version(&self.keys(lease.cache()), lease.token(), lease.staged().version())
            .arg("token", lease.token())
            .arg("lease_ms", millis(lease_ttl))
            .arg("staging_ms", millis(STAGING_TTL));
        self.is_done(lease.cache(), &self.run(lease.cache(), &call).await?)
    }

    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        self.stage_entries(lease, batch).await
    }

    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        self.is_key_staged(lease, key).await
    }

    async fn seal(&self, lease: &Lease) -> Result<()> {
        self.seal_staged(lease).await
    }

    async fn commit(&self, lease: Lease, publish: &Publish) -> Result<Committed, NotCommitted> {
        let replied = self.commit_content(&lease, &self.keys(lease.cache()), publish).await;
        replied
            .map_err(CommitError::from)
            .and_then(|reply| self.committed(&lease, &reply))
            .map_err(|reason| NotCommitted { lease, reason })
    }

    async fn restore(&self, lease: &Lease, head: &Head) -> Result<(), CommitError> {
        let reply = self.restore_head(lease, &self.keys(lease.cache()), head).await?;
        self.committed(lease, &reply).map(drop)
    }

    async fn update_hash(&self, cache: &Name) -> Result<()> {
        self.follow(cache).await
    }

    async fn repack(&self, cache: &Name) -> Result<bool> {
        self.pack_deltas(cache).await
    }

    async fn fail(&self, lease: Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        let call = FAIL
            .call_with_version(&self.keys(lease.cache()), lease.token(), lease.staged().version())
            .arg("token", lease.token())
            .arg("definition", lease.definition())
            .arg("host", &lease.holder().host)
            .arg("backoff_ms", millis(backoff))
            .arg("kind", &error.kind)
            .arg("message", &error.message)
            .arg("keep_ms", ttl_millis(keep));
        self.is_done(lease.cache(), &self.run(lease.cache(), &call).await?).map(drop)
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        let call = RELEASE
            .call_with_version(&self.keys(lease.cache()), lease.token(), lease.staged().version())
            .arg("token", lease.token());
        self.is_done(lease.cache(), &self.run(lease.cache(), &call).await?).map(drop)
    }

    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        let call = PROLONG.call(&self.keys(cache), "").arg("ttl_ms", ttl_millis(cache_ttl));
        self.is_done(cache, &self.run(cache, &call).await?)
    }

    async fn report(&self, cache: &Name, report: &HostReport) -> Result<()> {
        let json = serde_json::to_string(report).expect("a report of texts and numbers is JSON");
        let call = REPORT
            .call(&self.keys(cache), "")
            .arg("id", report.id)
            .arg("report", json)
            .arg("keep_ms", millis(KEPT_FOR))
            .arg("max_hosts", MAX_HOSTS);
        self.is_done(cache, &self.run(cache, &call).await?).map(drop)
    }

    async fn withdraw(&self, cache: &Name, host: Id) -> Result<()> {
        let mut withdraw = redis::cmd("HDEL");
        withdraw.arg(&self.keys(cache).hosts).arg(host.to_string());
        self.command(cache, withdraw).await.map(drop)
    }
}

impl Redis {
    /// Drops what the holder before has staged: left to expire, a big hash is freed while everybody
    /// waits. The lease is ours whether that works or not.
    async fn drop_staging(&self, cache: &Name, keys: &Keys, before: Option<Token>) {
        let Some(before) = before else { return };
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(keys.staging(before)).arg(keys.record.as_ref().map(|_| keys.staged_record(before)));
        if let Err(error) = self.command(cache, unlink).await {
            tracing::debug!(%error, "cannot drop what another host has staged: it expires in two minutes");
        }
    }
}
