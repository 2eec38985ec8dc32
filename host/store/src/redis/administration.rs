//! The administration role: what an operator asks of a server.

use std::collections::BTreeSet;

use async_trait::async_trait;
use redis::Value;

use super::keys;
use super::meta::LAYOUT;
use super::reply::{number, text, unexpected};
use super::script::FORGET;
use super::store::Redis;
use crate::{Administration, Finding, Name, Result};

#[async_trait]
impl Administration for Redis {
    async fn caches(&self) -> Result<Vec<Name>> {
        let prefix = self.server.options.key_prefix();
        let mut caches = BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(keys::meta_pattern(prefix)).arg("COUNT").arg(1_000);
            let reply = self.server.command(scan).await.map_err(|error| self.server.explain(error))?;
            let Value::Array(parts) = reply else { return Err(self.server.explain(unexpected("to SCAN"))) };
            let Ok([Value::BulkString(next), Value::Array(found)]) = <[Value; 2]>::try_from(parts) else {
                return Err(self.server.explain(unexpected("to SCAN")));
            };
            caches.extend(found.iter().filter_map(|key| keys::cache_of_meta(prefix, text(key)?)));
            if next == b"0" {
                return Ok(caches.into_iter().collect());
            }
            cursor = next;
        }
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
