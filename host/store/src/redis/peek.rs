//! Reads of some keys by one plain command, for as long as it is known that the hash is whole.

use bytes::Bytes;
use redis::Value;

use super::keys::{self, MAX_KEYS_PER_COMMAND};
use super::store::Redis;
use crate::{Name, Result};

impl Redis {
    /// The values of some keys. They are of one snapshot, because the data is replaced only as a whole. `None`:
    /// a plain command cannot tell. A key that is not found is such a case: it may be absent, and
    /// all of the data may be gone.
    pub(super) async fn try_peek(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        if wanted.is_empty() || wanted.len() > MAX_KEYS_PER_COMMAND || !self.verified.is_recent(cache) {
            return Ok(None);
        }
        let mut read = redis::cmd(if wanted.len() == 1 { "HGET" } else { "HMGET" });
        read.arg(keys::data(self.server.options.key_prefix(), cache)).arg(wanted);
        let reply = self.server.try_command(&read).await.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(match reply {
            Some(Value::Array(values)) => values.into_iter().map(found).collect(),
            Some(value) => found(value).map(|value| vec![value]),
            None => None,
        })
    }
}

/// A value that exists.
fn found(value: Value) -> Option<Option<Bytes>> {
    match value {
        Value::BulkString(bytes) => Some(Some(bytes.into())),
        _ => None,
    }
}
