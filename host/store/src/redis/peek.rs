//! Reads of some keys by one plain command, for as long as it is known what stands there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use foldhash::fast::RandomState;
use redis::Value;

use super::Redis;
use super::keys;
use super::read::GET_KEYS;
use crate::SEEN_FOR;
use crate::{Name, Result};

/// The caches that were seen whole and in a hash, and when that was.
#[derive(Debug, Default)]
pub(super) struct SeenWhole(Mutex<HashMap<Name, Instant, RandomState>>);

impl SeenWhole {
    /// Notes what was seen of a cache by a read that began then.
    pub(super) fn note(&self, cache: &Name, at: Instant, is_whole: bool) {
        let mut seen = self.seen();
        if is_whole {
            seen.insert(cache.clone(), at);
        } else {
            seen.remove(cache);
        }
    }

    fn is_fresh(&self, cache: &Name) -> bool {
        self.seen().get(cache).is_some_and(|at| at.elapsed() < SEEN_FOR)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Name, Instant, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Redis {
    /// The values of some keys. They are of one snapshot, because the data is replaced only as a whole. `None`:
    /// this cannot be told by one plain command. A key that is not found is such a case: it may be absent, and
    /// all of the data may be gone.
    pub(super) async fn peek_at(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        if wanted.is_empty() || wanted.len() > GET_KEYS || !self.seen_whole.is_fresh(cache) {
            return Ok(None);
        }
        let mut read = redis::cmd(if wanted.len() == 1 { "HGET" } else { "HMGET" });
        read.arg(keys::data(&self.server.options.key_prefix, cache)).arg(wanted);
        let reply = self.server.try_command(&read).await.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(match reply {
            Some(Value::Array(values)) => values.into_iter().map(found).collect(),
            Some(value) => found(value).map(|value| vec![value]),
            None => None,
        })
    }
}

/// A value that is there.
fn found(value: Value) -> Option<Option<Bytes>> {
    match value {
        Value::BulkString(bytes) => Some(Some(bytes.into())),
        _ => None,
    }
}
