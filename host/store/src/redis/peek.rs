//! Reads of one key by one plain command, for as long as it is known that the hash is whole.

use bytes::Bytes;
use redis::{Cmd, Value};

use super::store::Redis;
use crate::{Name, Result};

impl Redis {
    /// The value of one key. (Several may be of different snapshots, while the hash follows a large change.) `None`: a plain
    /// command cannot tell. A key that is not found is such a case: it may be absent, and all of the data may be gone.
    pub(super) async fn try_peek(&self, cache: &Name, wanted: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        let &[key] = wanted else { return Ok(None) };
        let read = self.verified.if_recent(cache, |data| {
            let mut read = Cmd::with_capacity(3, data.len() + key.len() + 4);
            read.arg("HGET").arg(data).arg(key);
            read
        });
        let Some(read) = read else { return Ok(None) };
        let reply = self.server.try_command(&read).await.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(match reply {
            Some(Value::BulkString(value)) => Some(vec![Some(value.into())]),
            _ => None,
        })
    }
}
