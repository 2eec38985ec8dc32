//! The administration role: what an operator asks of a server.

use std::collections::BTreeSet;

use async_trait::async_trait;
use redis::Value;

use super::keys;
use super::meta::{self, LAYOUT};
use super::reply::{number, text, unexpected};
use super::script::FORGET;
use super::server::Lane;
use super::store::Redis;
use super::transaction::Transaction;
use crate::hosts::is_kept;
use crate::{Administration, Finding, HostReport, HostState, Name, Result};

/// The hosts of how many caches are read in one round trip.
const CACHES_AT_ONCE: usize = 100;

#[async_trait]
impl Administration for Redis {
    async fn caches(&self) -> Result<Vec<Name>> {
        let prefix = self.server.options.key_prefix();
        let mut caches = BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(keys::pattern(prefix)).arg("COUNT").arg(1_000);
            let reply = self.server.command(scan).await.map_err(|error| self.server.explain(error))?;
            let Value::Array(parts) = reply else { return Err(self.server.explain(unexpected("to SCAN"))) };
            let Ok([Value::BulkString(next), Value::Array(found)]) = <[Value; 2]>::try_from(parts) else {
                return Err(self.server.explain(unexpected("to SCAN")));
            };
            caches.extend(found.iter().filter_map(|key| keys::cache_of(prefix, text(key)?)));
            if next == b"0" {
                return Ok(caches.into_iter().collect());
            }
            cursor = next;
        }
    }

    async fn hosts(&self, caches: &[Name]) -> Result<Vec<Vec<HostState>>> {
        let mut hosts = Vec::with_capacity(caches.len());
        for caches in caches.chunks(CACHES_AT_ONCE) {
            let reads = caches.iter().map(|cache| {
                let keys = self.keys(cache);
                let mut all = redis::cmd("HGETALL");
                all.arg(&keys.hosts);
                (keys, Transaction::of([redis::cmd("TIME"), all]))
            });
            let replies = self.server.read(reads, Lane::Quick).await.map_err(|error| self.server.explain(error))?;
            for (cache, replies) in caches.iter().zip(replies) {
                let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
                hosts.push(host_states(&replies).ok_or_else(|| self.unexpected_reply(cache, &replies))?);
            }
        }
        Ok(hosts)
    }

    async fn forget(&self, cache: &Name) -> Result<bool> {
        let mut layout = redis::cmd("HMGET");
        layout.arg(&self.keys(cache).meta).arg(&LAYOUT);
        let layout = self.command(cache, layout).await?;
        let with_layout = layout.as_sequence().and_then(|fields| self.with_layout_of(cache, fields));
        with_layout.as_ref().unwrap_or(self).forget_all(cache).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.findings().await
    }
}

impl Redis {
    /// Deletes everything of a cache whose layout is known.
    async fn forget_all(&self, cache: &Name) -> Result<bool> {
        let keys = self.keys(cache);
        let mut token = redis::cmd("HGET");
        token.arg(&keys.lease).arg("token");
        let token = self.command(cache, token).await?;
        let token = text(&token).unwrap_or_default();
        let reply = self.run(cache, &FORGET.call(&keys, token).arg("token", token)).await?;
        self.is_done(cache, &reply)?;
        Ok(reply.get(1).and_then(number).is_some_and(|deleted| deleted > 0))
    }
}

/// The hosts in the replies to TIME and HGETALL, those that were heard of last first. `None`: they are not such replies.
fn host_states(replies: &[Value]) -> Option<Vec<HostState>> {
    let [Value::Array(clock), Value::Array(fields)] = replies else { return None };
    let [seconds, _] = &clock[..] else { return None };
    let now = meta::since_1970(number(seconds)?.saturating_mul(1_000));
    let host = |field: &[Value]| {
        let mut words = text(&field[1])?.splitn(3, ' ');
        let mut time = || words.next()?.parse().ok().map(meta::since_1970);
        let (seen, since) = (time()?, time()?);
        let report: HostReport = serde_json::from_str(words.next()?).ok()?;
        let report = HostReport { id: text(&field[0])?.parse().ok()?, ..report };
        is_kept(seen, now).then(|| HostState::new(report, since, seen, now))
    };
    let mut hosts: Vec<HostState> = fields.chunks_exact(2).filter_map(host).collect();
    hosts.sort_by_key(|host| std::cmp::Reverse(host.seen));
    Some(hosts)
}
